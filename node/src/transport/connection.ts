/**
 * One proved connection: frames out in as few writes as possible, frames in, pings, and the verdict
 * that the other side is gone. It knows nothing of messages; whoever made it gives frames meaning.
 */
import type { Socket } from "node:net";
import { ByteReader, DecodeError } from "../codec/index.ts";
import type { NodeId } from "../raft/index.ts";
import type { SegmentWriter } from "./codec/segment-writer.ts";
import {
  type EncodedFrame,
  encodeFrame,
  FrameReader,
  type FrameType,
  type Route,
} from "./frame.ts";
import type { TransportLimits, TransportRuntime } from "./options.ts";
import type { PeerCounters } from "./stats.ts";

export interface ConnectionHandlers {
  /** `body` is a view on the receive buffer. Throws DecodeError: the connection closes. */
  onFrame(type: FrameType, body: Uint8Array): void;
  /** There is room for more after there was none. */
  onDrain(): void;
  /** Called once, later; `protocolError` when the other side sent what it must not. */
  onClosed(reason: string, protocolError: boolean): void;
}

export interface ConnectionOptions {
  readonly peer: NodeId;
  readonly socket: Socket;
  readonly outgoing: Route;
  readonly incoming: Route;
  readonly limits: TransportLimits;
  readonly runtime: Pick<TransportRuntime, "monotonicMs" | "after">;
  readonly counters: PeerCounters;
  readonly handlers: ConnectionHandlers;
}

export class Connection {
  readonly peer: NodeId;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  #corked = false;
  #closing = false;
  #full = false;
  #reason = "the other side closed";
  #protocolError = false;
  #lastReceivedMs: number;
  #lastBeatMs: number;
  #closingMs = 0;
  #chunksReceived = 0;
  #cancelProbe: (() => void) | null = null;

  /** Not the socket's `drain`: our limit need not be the socket's. A failure ends in `close`. */
  readonly #onWritten = (): void => {
    if (!this.#full || !this.room) return;
    this.#full = false;
    this.#options.handlers.onDrain();
  };

  constructor(options: ConnectionOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#socket = options.socket;
    this.#lastReceivedMs = options.runtime.monotonicMs();
    this.#lastBeatMs = this.#lastReceivedMs;
    this.#frames = new FrameReader({
      frameBytesMax: options.limits.frameBytesMax,
      expected: options.incoming,
      onFrame: (type, body) => this.#receive(type, body),
    });
    this.#listen();
  }

  /** Takes frames that came with the end of the handshake. */
  start(rest: Uint8Array): void {
    if (rest.length > 0) this.#onData(rest);
  }

  /** Another frame may be written now; when not, `onDrain` follows. */
  get room(): boolean {
    return !this.#closing && this.#socket.writableLength < this.#options.limits.socketBytesMax;
  }

  get closing(): boolean {
    return this.#closing;
  }

  encode(type: FrameType, body: (out: SegmentWriter) => void): EncodedFrame {
    return encodeFrame(type, this.#options.outgoing, body);
  }

  /** Writes a frame; everything written in one turn of the loop leaves in one writev. */
  write(frame: EncodedFrame): void {
    if (this.#closing) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      queueMicrotask(() => this.#uncork());
    }
    for (const segment of frame.segments) this.#socket.write(segment, this.#onWritten);
    if (!this.room) this.#full = true;
    this.#options.counters.bytesSent += frame.bytes;
  }

  /** Probes the other side and closes when nothing came from it for too long. */
  beat(nowMs: number): void {
    const { pingMs, silenceMsMax } = this.#options.limits;
    if (this.#closing) {
      if (nowMs - this.#closingMs > silenceMsMax) this.#socket.destroy();
      return;
    }
    // After a pause of this very process the other side's bytes may not have been read yet.
    if (nowMs - this.#lastBeatMs > 2 * pingMs) this.#lastReceivedMs = nowMs;
    this.#lastBeatMs = nowMs;
    if (nowMs - this.#lastReceivedMs > silenceMsMax) {
      this.close(`silent for more than ${silenceMsMax} ms`);
      return;
    }
    // Without room the other side hears us anyway.
    if (this.room) this.write(this.encode("ping", (out) => out.fields.u64(micros(nowMs))));
  }

  /** Closes soon unless anything comes back: there is reason to think the other side is gone. */
  probe(): void {
    if (this.#closing || this.#cancelProbe !== null) return;
    const { runtime, limits } = this.#options;
    const before = this.#chunksReceived;
    const nowMs = runtime.monotonicMs();
    this.write(this.encode("ping", (out) => out.fields.u64(micros(nowMs))));
    this.#cancelProbe = runtime.after(limits.probeMsMax, () => {
      this.#cancelProbe = null;
      if (this.#chunksReceived === before) this.close("no answer to a probe");
    });
  }

  /** Sends what was written, then closes once the other side has; `beat` waits only so long. */
  end(reason: string): void {
    if (this.#closing) return;
    this.#uncork();
    this.#stop(reason);
    this.#socket.end();
  }

  /** Closes at once; what was not sent is lost. */
  close(reason: string): void {
    if (!this.#closing) this.#stop(reason);
    this.#socket.destroy();
  }

  #stop(reason: string): void {
    this.#closing = true;
    this.#closingMs = this.#options.runtime.monotonicMs();
    this.#reason = reason;
    this.#frames.stop();
    this.#cancelProbe?.();
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on("error", (error) => {
      if (!this.#closing) this.#reason = error.message;
    });
    this.#socket.on("close", () => {
      this.#closing = true;
      this.#frames.stop();
      this.#cancelProbe?.();
      this.#options.handlers.onClosed(this.#reason, this.#protocolError);
    });
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #onData(chunk: Uint8Array): void {
    this.#lastReceivedMs = this.#options.runtime.monotonicMs();
    this.#options.counters.bytesReceived += chunk.length;
    this.#chunksReceived += 1;
    try {
      this.#frames.push(chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#protocolError = true;
      this.close(`refused a frame: ${error.message}`);
    }
  }

  #receive(type: FrameType, body: Uint8Array): void {
    if (type === "ping") {
      this.#answerPing(body);
    } else if (type === "pong") {
      this.#takePong(body);
    } else {
      this.#options.handlers.onFrame(type, body);
    }
  }

  #answerPing(body: Uint8Array): void {
    if (body.length !== 8) throw new DecodeError(`ping of ${body.length} bytes`);
    this.write(this.encode("pong", (out) => out.rest(body)));
  }

  #takePong(body: Uint8Array): void {
    const reader = new ByteReader(body);
    const sentMicros = reader.u64();
    reader.end();
    const now = micros(this.#options.runtime.monotonicMs());
    if (sentMicros > now) throw new DecodeError("pong for a ping that was never sent");
    this.#options.counters.roundTripMs = (now - sentMicros) / 1000;
  }
}

const micros = (ms: number): number => Math.floor(ms * 1000);
