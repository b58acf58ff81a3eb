/**
 * Bounds what answers that nobody reads can hold in memory: bytes of large answers over all
 * connections, and requests that a client sends ahead on one connection. Small answers to requests
 * that wait for nobody pass by untouched: they are the hot path.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ApiError } from "./api-error.ts";

/** Answers up to this are bounded by the number of connections alone. */
const smallBytes = 65_536;
/** Requests sent ahead on one connection: all of one chunk would be in memory at once. */
export const requestsAheadMax = 16;

/** What one connection holds. */
interface Held {
  /** Requests that came while an earlier one had no whole answer yet. */
  ahead: number;
  bytes: number;
}

export class AnswerLimits {
  readonly #bytesMax: number;
  #bytes = 0;
  readonly #held = new WeakMap<Socket, Held>();

  /** @param bytesMax of large answers that are not yet taken by the clients' connections. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of large answers in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ApiError OVERLOADED for a request that was sent too far ahead of its answer */
  admit(socket: Socket, response: ServerResponse): void {
    // Else the connection is busy with the answer to an earlier request.
    if (response.socket !== null) return;
    const held = this.#heldBy(socket);
    if (held.ahead >= requestsAheadMax) {
      const detail = `${requestsAheadMax} requests of this connection wait for their answers`;
      throw new ApiError("OVERLOADED", detail);
    }
    held.ahead += 1;
    response.once("close", () => {
      held.ahead -= 1;
    });
  }

  /**
   * Takes room for an answer until its client has taken it; one at least has room.
   * @throws ApiError OVERLOADED
   */
  hold(socket: Socket | null, response: ServerResponse, bytes: number): void {
    if (bytes <= smallBytes || socket === null || socket.destroyed) return;
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const detail = `${this.#bytes} bytes of answers wait to be read (limits.answerBytesMax)`;
      throw new ApiError("OVERLOADED", detail);
    }
    const held = this.#heldBy(socket);
    this.#bytes += bytes;
    held.bytes += bytes;
    response.once("close", () => this.#release(held, Math.min(bytes, held.bytes)));
  }

  /** An answer that waits behind another one is not told that the connection is gone. */
  #heldBy(socket: Socket): Held {
    const known = this.#held.get(socket);
    if (known !== undefined) return known;
    const held: Held = { ahead: 0, bytes: 0 };
    this.#held.set(socket, held);
    socket.once("close", () => this.#release(held, held.bytes));
    return held;
  }

  #release(held: Held, bytes: number): void {
    held.bytes -= bytes;
    this.#bytes -= bytes;
  }
}
