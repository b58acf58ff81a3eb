/**
 * Collects one frame as a list of segments for one writev: small fields are gathered by ByteWriter,
 * large data stays where it is and becomes a segment of its own, so that a value which was encoded
 * once is not copied again on its way to the wire.
 */
import { ByteWriter } from "../../codec/index.ts";

/** Up to here a copy costs less than another segment in the writev. */
const INLINE_BYTES_MAX = 4096;
const CAPACITY = 256;

export class SegmentWriter {
  readonly #segments: Uint8Array[] = [];
  #fields: ByteWriter = new ByteWriter(CAPACITY, "pooled");

  /** Where the next small fields go. Ask again after each `data`. */
  get fields(): ByteWriter {
    return this.#fields;
  }

  /** Makes room for data items at once, each with so many bytes of fields: spares growing. */
  expect(items: readonly { readonly data: Uint8Array }[], fieldBytes: number): this {
    let bytes = this.#fields.length + items.length * fieldBytes;
    for (const { data } of items) if (data.length <= INLINE_BYTES_MAX) bytes += data.length;
    if (bytes > CAPACITY) this.#fields = new ByteWriter(bytes).raw(this.#fields.finish());
    return this;
  }

  /** Bytes after their u32 length, as ByteReader.bytes reads them. Must not change until sent. */
  data(bytes: Uint8Array): this {
    this.#fields.u32(bytes.length);
    return this.rest(bytes);
  }

  /** Bytes without their length: the last field of a frame. Must not change until sent. */
  rest(bytes: Uint8Array): this {
    if (bytes.length <= INLINE_BYTES_MAX) {
      this.#fields.raw(bytes);
      return this;
    }
    this.#segments.push(this.#fields.finish(), bytes);
    this.#fields = new ByteWriter(CAPACITY, "pooled");
    return this;
  }

  /** The segments in order, at least one; the writer must not be used afterwards. */
  finish(): Uint8Array[] {
    if (this.#fields.length > 0 || this.#segments.length === 0) {
      this.#segments.push(this.#fields.finish());
    }
    return this.#segments;
  }
}
