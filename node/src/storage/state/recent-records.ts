/**
 * The records that were written last, so that a command on a recent key needs no look-up: that
 * look-up and its copy cost as much as everything else of a put (bench/state.ts). Values lie in one
 * ring of fixed size, oldest overwritten first, and die silently; what is found is always what the
 * state holds. Owns no truth: it may forget anything at any time, and it must be told of every
 * change.
 */
import type { KvRecord } from "../../kv/index.ts";

/** A larger value would push out too many others. */
const RING_SHARE_MAX = 16;
/** Places of overwritten values are swept out each time this share of the ring was written. */
const SWEEP_SHARE = 4;

interface Place {
  /** Of the value: bytes ever written before it. */
  readonly at: number;
  readonly length: number;
  readonly record: Omit<KvRecord, "value">;
}

export class RecentRecords {
  readonly #ring: Uint8Array;
  readonly #places = new Map<string, Place>();
  /** Bytes ever written, those skipped at the ring's end included. */
  #written = 0;
  #sweepAt: number;

  /** @param bytesMax of all values together; 0: nothing is remembered. Pages are used as needed. */
  constructor(bytesMax: number) {
    this.#ring = new Uint8Array(bytesMax);
    this.#sweepAt = bytesMax;
  }

  /** Records that are remembered; some may be overwritten already. */
  get size(): number {
    return this.#places.size;
  }

  /** The record under `key`; its value is a view that holds until the next `note`. */
  get(key: string): KvRecord | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    if (this.#isOverwritten(place)) {
      this.#places.delete(key);
      return undefined;
    }
    const from = place.at % this.#ring.length;
    return { ...place.record, value: this.#ring.subarray(from, from + place.length) };
  }

  /** `key` has this record now, or none. The value is copied. */
  note(key: string, record: KvRecord | undefined): void {
    // It came from here and is as it was; its bytes may be overwritten, which its place tells.
    if (record?.value.buffer === this.#ring.buffer) return;
    const length = record?.value.length ?? 0;
    if (record === undefined || Math.max(1, length) * RING_SHARE_MAX > this.#ring.length) {
      this.#places.delete(key);
      return;
    }
    const at = this.#reserve(length);
    this.#ring.set(record.value, at % this.#ring.length);
    const { modRevision, createRevision, version, lease } = record;
    const figures = { modRevision, createRevision, version, lease };
    this.#places.set(key, { at, length, record: figures });
    if (this.#written >= this.#sweepAt) this.#sweep();
  }

  /** Room for a value in one piece. @returns where it begins */
  #reserve(length: number): number {
    const size = this.#ring.length;
    const from = this.#written % size;
    // An empty value needs a byte, too, so that the number of places is bounded.
    const taken = Math.max(1, length);
    const skipped = from + taken > size ? size - from : 0;
    const at = this.#written + skipped;
    this.#written = at + taken;
    return at;
  }

  #isOverwritten({ at }: Place): boolean {
    return at < this.#written - this.#ring.length;
  }

  #sweep(): void {
    for (const [key, place] of this.#places) {
      if (this.#isOverwritten(place)) this.#places.delete(key);
    }
    this.#sweepAt = this.#written + this.#ring.length / SWEEP_SHARE;
  }
}
