/** What a server of HTTP/2 lets us send: by connection and by stream (RFC 9113 §5.2). */

const INITIAL = 65_535;
/** What every server accepts in one frame. */
const FRAME_BYTES_MAX = 16_384;

export class SendWindow {
  #connection = INITIAL;
  #initial = INITIAL;
  #stream = INITIAL;

  /** The stream before is over. */
  nextStream(): void {
    this.#stream = this.#initial;
  }

  /** The server's setting also moves the window of the stream that is open (§6.9.2). */
  setInitial(bytes: number): void {
    this.#stream += bytes - this.#initial;
    this.#initial = bytes;
  }

  openConnection(bytes: number): void {
    this.#connection += bytes;
  }

  openStream(bytes: number): void {
    this.#stream += bytes;
  }

  /** Takes what one frame may hold of `wanted` bytes; 0: nothing for now. */
  take(wanted: number): number {
    const room = Math.min(this.#connection, this.#stream, FRAME_BYTES_MAX);
    const bytes = Math.max(0, Math.min(wanted, room));
    this.#connection -= bytes;
    this.#stream -= bytes;
    return bytes;
  }
}
