/**
 * One snapshot arriving over a connection of its own, as the driver sees it (IncomingSnapshot). A
 * chunk is acknowledged when the driver asks for the next, and the sender keeps within a window:
 * what waits here is bounded, and a sender that does not keep to it is cut off.
 */
import { DecodeError } from "../codec/index.ts";
import type { NodeId, SnapshotMetadata, Term } from "../raft/index.ts";
import type { IncomingSnapshot } from "../replica/index.ts";
import type { Connection } from "./connection.ts";
import type { FrameType } from "./frame.ts";
import type { TransportLimits, TransportLog, TransportRuntime } from "./options.ts";
import { readCount, type SnapshotBegin, writeCount, writeResult } from "./snapshot-frames.ts";
import type { PeerCounters } from "./stats.ts";

export interface ReceivedSnapshotOptions {
  readonly from: NodeId;
  readonly begin: SnapshotBegin;
  readonly connection: Connection;
  readonly limits: TransportLimits;
  readonly runtime: Pick<TransportRuntime, "monotonicMs" | "defer">;
  readonly log: TransportLog;
  readonly counters: PeerCounters;
}

interface Reading {
  readonly onChunk: (chunk: Uint8Array | null, next: () => void) => void;
  readonly onFailed: () => void;
}

/** `open`: chunks flow. `ended`: the driver has had the last. `over`: answered or broken. */
type Phase = "open" | "ended" | "over";

const nothing = (): void => undefined;

export class ReceivedSnapshot implements IncomingSnapshot {
  readonly from: NodeId;
  readonly term: Term;
  readonly metadata: SnapshotMetadata;
  readonly #options: ReceivedSnapshotOptions;
  #phase: Phase = "open";
  #reading: Reading | null = null;
  #waiting: Uint8Array[] = [];
  #received = 0;
  #consumed = 0;
  /** A chunk, or the end, is at the driver or on its way there. */
  #delivering = false;
  #endSeen = false;
  #broken = false;
  #progressMs: number;

  constructor(options: ReceivedSnapshotOptions) {
    this.from = options.from;
    this.term = options.begin.term;
    this.metadata = options.begin.metadata;
    this.#options = options;
    this.#progressMs = options.runtime.monotonicMs();
  }

  read(onChunk: Reading["onChunk"], onFailed: Reading["onFailed"]): void {
    if (this.#reading !== null) throw new Error("a snapshot can be read only once");
    this.#reading = { onChunk, onFailed };
    if (this.#broken) this.#options.runtime.defer(onFailed);
    else this.#deliver();
  }

  reject(): void {
    this.#answer(false);
  }

  accept(): void {
    this.#answer(true);
  }

  /** @throws DecodeError when the sender breaks the rules. */
  onFrame(type: FrameType, body: Uint8Array): void {
    this.#progressMs = this.#options.runtime.monotonicMs();
    if (this.#endSeen) throw new DecodeError(`frame ${type} after the end of a snapshot`);
    if (type === "snapshotChunk") {
      this.#takeChunk(body);
    } else if (type === "snapshotEnd") {
      const count = readCount(body);
      if (count !== this.#received) {
        throw new DecodeError(`snapshot of ${count} chunks, ${this.#received} came`);
      }
      this.#endSeen = true;
    } else {
      throw new DecodeError(`frame ${type} from the sender of a snapshot`);
    }
    this.#deliver();
  }

  /** The connection is gone; tells the driver unless it has all chunks or has answered. */
  onClosed(reason: string): void {
    if (this.#phase !== "open") return;
    this.#phase = "over";
    this.#broken = true;
    this.#waiting = [];
    const { runtime, log } = this.#options;
    const { index } = this.metadata;
    log.info({ peer: this.from, index, reason }, "an incoming snapshot broke off");
    if (this.#reading !== null) runtime.defer(this.#reading.onFailed);
  }

  beat(nowMs: number): void {
    const { connection, limits } = this.#options;
    connection.beat(nowMs);
    // While the driver holds a chunk or installs, it is not the sender who is slow.
    if (this.#phase !== "open" || this.#delivering) return;
    if (nowMs - this.#progressMs > limits.snapshotStallMsMax) {
      connection.close("the sender of a snapshot made no progress for too long");
    }
  }

  #takeChunk(chunk: Uint8Array): void {
    const { limits, counters } = this.#options;
    if (chunk.length > limits.snapshotChunkBytesMax) {
      throw new DecodeError(`snapshot chunk of ${chunk.length} bytes`);
    }
    if (this.#received - this.#consumed >= limits.snapshotWindowChunks) {
      throw new DecodeError("more snapshot chunks in flight than the window allows");
    }
    this.#received += 1;
    counters.snapshotBytesReceived += chunk.length;
    this.#waiting.push(chunk);
  }

  #deliver(): void {
    const reading = this.#reading;
    if (reading === null || this.#delivering || this.#phase !== "open") return;
    const chunk = this.#waiting.shift();
    if (chunk === undefined && !this.#endSeen) return;
    this.#delivering = true;
    this.#options.runtime.defer(() => {
      if (this.#phase !== "open") return;
      if (chunk === undefined) {
        this.#phase = "ended";
        reading.onChunk(null, nothing);
      } else {
        reading.onChunk(chunk, this.#nextOnce());
      }
    });
  }

  #nextOnce(): () => void {
    let called = false;
    return () => {
      if (called || this.#phase !== "open") return;
      called = true;
      this.#consumed += 1;
      this.#delivering = false;
      this.#progressMs = this.#options.runtime.monotonicMs();
      const { connection } = this.#options;
      connection.write(connection.encode("snapshotAck", (out) => writeCount(out, this.#consumed)));
      this.#deliver();
    };
  }

  #answer(accepted: boolean): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#waiting = [];
    const { connection } = this.#options;
    connection.write(connection.encode("snapshotResult", (out) => writeResult(out, accepted)));
    connection.end(accepted ? "the snapshot is installed" : "the snapshot was refused");
  }
}
