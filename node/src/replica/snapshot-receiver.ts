/**
 * Receives one snapshot at a time beside the live state. While the store switches to it the loop
 * stands still (`installing`), so that no append of the core can fall between the old log and the
 * new one; a snapshot that the log has overtaken meanwhile is dropped.
 */
import type { LogIndex, SnapshotMetadata } from "../raft/index.ts";
import type { IncomingSnapshot, SnapshotSink, StateSummary, Store } from "./ports.ts";

export interface SnapshotReceiverPorts {
  readonly store: Pick<Store, "beginInstall">;
  commitIndex(): LogIndex;
  /** The store stands on the snapshot now. */
  installed(metadata: SnapshotMetadata, summary: StateSummary): void;
  /** The loop may run again. */
  resumed(): void;
}

interface Reception {
  readonly incoming: IncomingSnapshot;
  sink: SnapshotSink | null;
  ended: boolean;
}

export class SnapshotReceiver {
  readonly #ports: SnapshotReceiverPorts;
  #current: Reception | null = null;
  #installing = false;
  #installed = 0;

  constructor(ports: SnapshotReceiverPorts) {
    this.#ports = ports;
  }

  /** The loop must stand still. */
  get installing(): boolean {
    return this.#installing;
  }
  /** Snapshots installed since start. */
  get installed(): number {
    return this.#installed;
  }

  /** Takes a snapshot that the core has agreed to; one of an older leader gives way. */
  begin(incoming: IncomingSnapshot): void {
    if (this.#installing) {
      incoming.reject();
      return;
    }
    if (this.#current !== null) this.#giveUp(this.#current);
    const reception: Reception = { incoming, sink: null, ended: false };
    this.#current = reception;
    this.#ports.store.beginInstall(incoming.metadata, (sink) => this.#receive(reception, sink));
  }

  #receive(reception: Reception, sink: SnapshotSink): void {
    reception.sink = sink;
    if (reception.ended) {
      sink.abort();
      return;
    }
    reception.incoming.read(
      (chunk, next) => {
        if (reception.ended) return;
        if (chunk === null) this.#finish(reception, sink);
        else this.#write(reception, sink, { chunk, next });
      },
      // Once the last chunk is here a broken connection changes nothing: the store decides.
      () => {
        if (!this.#installing) this.#giveUp(reception);
      },
    );
  }

  #write(
    reception: Reception,
    sink: SnapshotSink,
    { chunk, next }: { chunk: Uint8Array; next: () => void },
  ): void {
    sink.write(chunk, (ok) => {
      if (reception.ended) return;
      if (ok) next();
      else this.#giveUp(reception);
    });
  }

  #finish(reception: Reception, sink: SnapshotSink): void {
    const { metadata } = reception.incoming;
    if (metadata.index <= this.#ports.commitIndex()) {
      this.#giveUp(reception);
      return;
    }
    this.#installing = true;
    sink.install((outcome) => {
      this.#installing = false;
      if (outcome === null) this.#giveUp(reception);
      else this.#accept(reception, outcome.summary);
      this.#ports.resumed();
    });
  }

  #accept(reception: Reception, summary: StateSummary): void {
    reception.ended = true;
    this.#current = null;
    this.#installed += 1;
    this.#ports.installed(reception.incoming.metadata, summary);
    reception.incoming.accept();
  }

  #giveUp(reception: Reception): void {
    if (reception.ended) return;
    reception.ended = true;
    if (this.#current === reception) this.#current = null;
    reception.sink?.abort();
    reception.incoming.reject();
  }
}
