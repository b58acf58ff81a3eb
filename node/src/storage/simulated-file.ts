/**
 * The content of one simulated file: what the page cache shows and what the disk holds. A crash
 * keeps any part of the writes since the last sync, sector by sector. Nothing here knows of names.
 */

/** The unit a disk writes atomically, which torn writes respect. */
export const SECTOR_BYTES = 512;

type DirtyOperation =
  | { readonly type: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "truncate"; readonly size: number };

/** A byte array that grows; bytes never written read as zero. */
class GrowingBytes {
  #bytes: Uint8Array = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  view(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(Math.min(from, this.#size), Math.min(to, this.#size));
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, offset);
    this.#size = Math.max(this.#size, end);
  }

  truncate(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    else this.write(size, new Uint8Array(0));
    this.#size = size;
  }

  flip(offset: number, bit: number): void {
    this.#bytes[offset] = (this.#bytes[offset] ?? 0) ^ (1 << bit);
  }
}

export class SimulatedInode {
  readonly type = "file";
  #current = new GrowingBytes();
  #durable = new GrowingBytes();
  #dirty: DirtyOperation[] = [];
  /** What a sync failed on: the kernel calls it clean, so no later sync writes it. */
  #given: DirtyOperation[] = [];

  get size(): number {
    return this.#current.size;
  }

  read(into: Uint8Array, offset: number): number {
    const found = this.#current.view(offset, offset + into.length);
    into.set(found);
    return found.length;
  }

  write(offset: number, bytes: Uint8Array): void {
    const copy = Uint8Array.from(bytes);
    this.#current.write(offset, copy);
    this.#dirty.push({ type: "write", offset, bytes: copy });
  }

  truncate(size: number): void {
    this.#current.truncate(size);
    this.#dirty.push({ type: "truncate", size });
  }

  sync(): void {
    for (const operation of this.#dirty) perform(this.#durable, operation);
    this.#dirty = [];
  }

  /** The sync failed; only a power cut will show what of it the disk has. */
  failSync(): void {
    this.#given.push(...this.#dirty);
    this.#dirty = [];
  }

  /** Bit rot: what is on the disk changes, and so does what is read from it. */
  flipBit(offset: number, bit: number): void {
    this.#current.flip(offset, bit);
    if (offset < this.#durable.size) this.#durable.flip(offset, bit);
  }

  /** Power fails: each write since the last sync is kept, lost or torn at sector borders. */
  crash(random: () => number): void {
    for (const operation of [...this.#given, ...this.#dirty]) {
      const fate = random();
      if (fate < 1 / 3) continue;
      if (fate < 2 / 3 || operation.type === "truncate") perform(this.#durable, operation);
      else tear(this.#durable, operation, random);
    }
    this.#dirty = [];
    this.#given = [];
    this.#current = new GrowingBytes();
    this.#current.write(0, this.#durable.view(0, this.#durable.size));
  }
}

const perform = (target: GrowingBytes, operation: DirtyOperation): void => {
  if (operation.type === "truncate") target.truncate(operation.size);
  else target.write(operation.offset, operation.bytes);
};

const tear = (
  target: GrowingBytes,
  write: { readonly offset: number; readonly bytes: Uint8Array },
  random: () => number,
): void => {
  let at = 0;
  while (at < write.bytes.length) {
    const offset = write.offset + at;
    const length = Math.min(SECTOR_BYTES - (offset % SECTOR_BYTES), write.bytes.length - at);
    if (random() < 0.5) target.write(offset, write.bytes.subarray(at, at + length));
    at += length;
  }
};
