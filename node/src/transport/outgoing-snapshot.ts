/**
 * One snapshot on its way to a peer, over a connection of its own. A window of chunks is in flight
 * at most, so memory and each turn of the loop stay bounded and heartbeats pass beside it. Ends
 * with the receiver's word, a break, or a stall; `done` is called exactly once and never while a
 * chunk is being read, so that the source can be closed then.
 */
import { DecodeError } from "../codec/index.ts";
import type { NodeId, Term } from "../raft/index.ts";
import type { SnapshotSource } from "../replica/index.ts";
import type { Connection } from "./connection.ts";
import type { FrameType } from "./frame.ts";
import type { TransportLimits, TransportLog, TransportRuntime } from "./options.ts";
import { readCount, readResult, writeCount, writeSnapshotBegin } from "./snapshot-frames.ts";
import type { PeerCounters } from "./stats.ts";

export interface OutgoingSnapshotOptions {
  readonly to: NodeId;
  readonly term: Term;
  readonly source: SnapshotSource;
  readonly limits: TransportLimits;
  readonly runtime: Pick<TransportRuntime, "monotonicMs" | "defer">;
  readonly log: TransportLog;
  readonly counters: PeerCounters;
  readonly done: (delivered: boolean) => void;
}

export class OutgoingSnapshot {
  readonly to: NodeId;
  readonly #options: OutgoingSnapshotOptions;
  #connection: Connection | null = null;
  #sent = 0;
  #acknowledged = 0;
  #reading = false;
  #sourceEnded = false;
  #outcome: boolean | null = null;
  #reported = false;
  #progressMs: number;

  constructor(options: OutgoingSnapshotOptions) {
    this.to = options.to;
    this.#options = options;
    this.#progressMs = options.runtime.monotonicMs();
  }

  start(connection: Connection): void {
    if (this.#outcome !== null) {
      connection.close("the snapshot was given up");
      return;
    }
    this.#connection = connection;
    const { term, source } = this.#options;
    connection.write(
      connection.encode("snapshotBegin", (out) =>
        writeSnapshotBegin(out, { term, metadata: source.metadata }),
      ),
    );
    this.#pump();
  }

  /** @throws DecodeError when the receiver says what it must not. */
  onFrame(type: FrameType, body: Uint8Array): void {
    this.#progressMs = this.#options.runtime.monotonicMs();
    if (type === "snapshotAck") {
      const consumed = readCount(body);
      if (consumed < this.#acknowledged || consumed > this.#sent) {
        throw new DecodeError(`ack of ${consumed} chunks, ${this.#sent} were sent`);
      }
      this.#acknowledged = consumed;
      this.#pump();
    } else if (type === "snapshotResult") {
      this.finish(readResult(body), "the receiver answered");
    } else {
      throw new DecodeError(`frame ${type} from the receiver of a snapshot`);
    }
  }

  beat(nowMs: number): void {
    this.#connection?.beat(nowMs);
    if (nowMs - this.#progressMs > this.#options.limits.snapshotStallMsMax) {
      this.finish(false, "no progress for too long");
    }
  }

  /** Ends it; only the first call counts. */
  finish(delivered: boolean, reason: string): void {
    if (this.#outcome !== null) return;
    this.#outcome = delivered;
    const { log, source } = this.#options;
    const index = source.metadata.index;
    log.info({ peer: this.to, index, chunks: this.#sent, delivered, reason }, "snapshot sent");
    this.#connection?.close(reason);
    this.#report();
  }

  #pump(): void {
    const open = this.#sent - this.#acknowledged < this.#options.limits.snapshotWindowChunks;
    if (!open || this.#reading || this.#sourceEnded || this.#outcome !== null) return;
    this.#reading = true;
    this.#options.source.next((chunk) => {
      this.#reading = false;
      if (this.#outcome !== null) this.#report();
      else this.#sendChunk(chunk);
    });
  }

  #sendChunk(chunk: Uint8Array | null): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#progressMs = this.#options.runtime.monotonicMs();
    if (chunk === null) {
      this.#sourceEnded = true;
      connection.write(connection.encode("snapshotEnd", (out) => writeCount(out, this.#sent)));
      return;
    }
    if (chunk.length > this.#options.limits.snapshotChunkBytesMax) {
      this.finish(false, `a chunk of ${chunk.length} bytes is larger than allowed`);
      return;
    }
    this.#sent += 1;
    this.#options.counters.snapshotBytesSent += chunk.length;
    connection.write(connection.encode("snapshotChunk", (out) => out.rest(chunk)));
    this.#pump();
  }

  #report(): void {
    if (this.#reading || this.#reported) return;
    this.#reported = true;
    const delivered = this.#outcome === true;
    this.#options.runtime.defer(() => this.#options.done(delivered));
  }
}
