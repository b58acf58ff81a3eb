/**
 * Reads what ByteWriter wrote. Its input may come from a network or a damaged disk: every read
 * checks its bounds, and the one error it throws is DecodeError.
 */

const decoder = new TextDecoder("utf-8", { fatal: true });
const TWO_POW_32 = 0x1_0000_0000;

/** The bytes are not what the format says. Never thrown for anything else. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset of the next read. */
  get offset(): number {
    return this.#at;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** @throws DecodeError when the number is above 2^53 - 1. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at) * TWO_POW_32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw new DecodeError(`number above 2^53 - 1 at byte ${at}`);
    return value;
  }

  /** `count` bytes as a view on the input. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** Bytes after their u32 length, as a view on the input. */
  bytes(): Uint8Array {
    return this.raw(this.u32());
  }

  /** UTF-8 after its u32 length. @throws DecodeError when it is not UTF-8. */
  text(): string {
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new DecodeError(`not UTF-8 before byte ${this.#at}`, { cause });
    }
  }

  /** A format ends where its last field ends. @throws DecodeError when bytes are left. */
  end(): void {
    if (this.remaining > 0) {
      throw new DecodeError(`${this.remaining} bytes left after the end at byte ${this.#at}`);
    }
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) {
      throw new DecodeError(`need ${count} bytes at byte ${at}, have ${this.remaining}`);
    }
    this.#at = at + count;
    return at;
  }
}
