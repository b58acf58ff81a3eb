/**
 * Streams snapshots to followers that need the state itself: opened when asked for, a bounded
 * number at a time, one per follower. The core learns of every end, good or bad.
 */
import type { LogIndex, NodeId, Term } from "../raft/index.ts";
import type { SnapshotSource, Store, Transport } from "./ports.ts";

export interface SnapshotSenderPorts {
  readonly store: Pick<Store, "openSnapshot">;
  readonly transport: Pick<Transport, "sendSnapshot">;
  readonly streamsMax: number;
  /** The term that this node leads; null when it does not lead. */
  leadingTerm(): Term | null;
  ended(to: NodeId, index: LogIndex, delivered: boolean): void;
}

export class SnapshotSender {
  readonly #ports: SnapshotSenderPorts;
  /** Index of the snapshot on its way to each follower; null while it is being opened. */
  readonly #streams = new Map<NodeId, LogIndex | null>();
  /** The term in which each follower's snapshot was asked for. */
  readonly #waiting = new Map<NodeId, Term>();
  #sent = 0;

  constructor(ports: SnapshotSenderPorts) {
    this.#ports = ports;
  }

  /** Snapshots delivered since start. */
  get sent(): number {
    return this.#sent;
  }

  /** The log after this index must stay: a snapshot that ends there is on its way. */
  oldestIndex(): LogIndex | null {
    let oldest: LogIndex | null = null;
    for (const index of this.#streams.values()) {
      if (index !== null && (oldest === null || index < oldest)) oldest = index;
    }
    return oldest;
  }

  request(to: readonly NodeId[]): void {
    const term = this.#ports.leadingTerm();
    if (term === null) return;
    for (const id of to) if (!this.#streams.has(id)) this.#waiting.set(id, term);
    this.#startNext();
  }

  #startNext(): void {
    for (const [to, term] of this.#waiting) {
      if (this.#streams.size >= this.#ports.streamsMax) return;
      this.#waiting.delete(to);
      this.#streams.set(to, null);
      this.#ports.store.openSnapshot((source) => this.#stream(to, term, source));
    }
  }

  /** A snapshot says who leads its term, so it must not leave once this node leads that no more. */
  #stream(to: NodeId, term: Term, source: SnapshotSource): void {
    const { index } = source.metadata;
    this.#streams.set(to, index);
    const ended = (delivered: boolean): void => {
      source.close();
      this.#streams.delete(to);
      if (delivered) this.#sent += 1;
      this.#ports.ended(to, index, delivered);
      this.#startNext();
    };
    if (this.#ports.leadingTerm() !== term) ended(false);
    else this.#ports.transport.sendSnapshot(to, term, source, ended);
  }
}
