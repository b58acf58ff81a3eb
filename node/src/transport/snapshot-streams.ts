/**
 * The snapshots that this node sends and receives, each on a connection of its own, with limits on
 * how many at one time. One per peer in each direction; a newer one from the same peer waits for
 * its sender to try again.
 */
import { DecodeError } from "../codec/index.ts";
import type { NodeId, Term } from "../raft/index.ts";
import type { SnapshotSource } from "../replica/index.ts";
import type { Connection } from "./connection.ts";
import type { TransportContext } from "./context.ts";
import type { RefusalReason } from "./handshake.ts";
import type { HandshakeOutcome, ProvedSocket } from "./handshake-socket.ts";
import { parseAddress } from "./options.ts";
import { OutgoingSnapshot } from "./outgoing-snapshot.ts";
import { ReceivedSnapshot } from "./received-snapshot.ts";
import { readSnapshotBegin } from "./snapshot-frames.ts";

export interface SendSnapshot {
  readonly to: NodeId;
  /** null: not a member. */
  readonly address: string | null;
  readonly term: Term;
  readonly source: SnapshotSource;
  readonly done: (delivered: boolean) => void;
}

interface Incoming {
  readonly connection: Connection;
  /** null until the first frame came. */
  snapshot: ReceivedSnapshot | null;
}

export class SnapshotStreams {
  readonly #context: TransportContext;
  readonly #outgoing = new Map<OutgoingSnapshot, () => void>();
  readonly #incoming = new Set<Incoming>();

  constructor(context: TransportContext) {
    this.#context = context;
  }

  get sending(): number {
    return this.#outgoing.size;
  }

  get receiving(): number {
    return this.#incoming.size;
  }

  send({ to, address, term, source, done }: SendSnapshot): void {
    const { limits, runtime, log } = this.#context.options;
    const outgoing: OutgoingSnapshot = new OutgoingSnapshot({
      to,
      term,
      source,
      limits,
      runtime,
      log,
      counters: this.#context.counters(to),
      done: (delivered) => {
        this.#outgoing.delete(outgoing);
        done(delivered);
      },
    });
    const target = address === null ? null : parseAddress(address);
    const busy = this.#outgoing.size >= limits.snapshotsSentMax;
    if (target === null || busy) {
      outgoing.finish(false, busy ? "too many snapshots are being sent" : "no address is known");
      return;
    }
    const cancel = this.#context.dial(
      { address: target, peer: to, purpose: "snapshot" },
      (outcome) => this.#settle(outgoing, outcome),
    );
    this.#outgoing.set(outgoing, cancel);
  }

  admit(peer: NodeId): RefusalReason | null {
    if (this.#incoming.size >= this.#context.options.limits.snapshotsReceivedMax) {
      return "tooManySnapshots";
    }
    for (const { connection } of this.#incoming) {
      if (connection.peer === peer) return "tooManySnapshots";
    }
    return null;
  }

  /** Takes a connection on which a peer will send a snapshot. */
  adopt(proved: ProvedSocket): void {
    const connection = this.#context.connection(proved, {
      onFrame: (type, body) => {
        if (incoming.snapshot !== null) incoming.snapshot.onFrame(type, body);
        else if (type === "snapshotBegin") this.#begin(incoming, body);
        else throw new DecodeError(`frame ${type} where a snapshot must begin`);
      },
      onDrain: () => undefined,
      onClosed: (reason) => {
        this.#incoming.delete(incoming);
        incoming.snapshot?.onClosed(reason);
      },
    });
    const incoming: Incoming = { connection, snapshot: null };
    this.#incoming.add(incoming);
    connection.start(proved.rest);
  }

  /** Ends all that goes to or comes from a peer that is no longer a member. */
  close(peer: NodeId, reason: string): void {
    for (const [outgoing, cancel] of [...this.#outgoing]) {
      if (outgoing.to !== peer) continue;
      outgoing.finish(false, reason);
      cancel();
    }
    for (const { connection } of this.#incoming) {
      if (connection.peer === peer) connection.close(reason);
    }
  }

  closeAll(reason: string): void {
    for (const [outgoing, cancel] of [...this.#outgoing]) {
      outgoing.finish(false, reason);
      cancel();
    }
    for (const { connection } of this.#incoming) connection.close(reason);
  }

  beat(nowMs: number): void {
    for (const outgoing of this.#outgoing.keys()) outgoing.beat(nowMs);
    for (const { connection, snapshot } of this.#incoming) {
      if (snapshot === null) connection.beat(nowMs);
      else snapshot.beat(nowMs);
    }
  }

  #settle(outgoing: OutgoingSnapshot, outcome: HandshakeOutcome): void {
    if (outcome.type === "refused") {
      this.#context.countRefusal(outcome, { peer: outgoing.to, purpose: "snapshot" });
      outgoing.finish(false, `could not connect: ${outcome.detail || outcome.reason}`);
      return;
    }
    const connection = this.#context.connection(outcome, {
      onFrame: (type, body) => outgoing.onFrame(type, body),
      onDrain: () => undefined,
      onClosed: (reason) => outgoing.finish(false, reason),
    });
    outgoing.start(connection);
    connection.start(outcome.rest);
  }

  #begin(incoming: Incoming, body: Uint8Array): void {
    const { limits, runtime, log } = this.#context.options;
    const { connection } = incoming;
    const from = connection.peer;
    const begin = readSnapshotBegin(body);
    const counters = this.#context.counters(from);
    const snapshot = new ReceivedSnapshot({
      from,
      begin,
      connection,
      limits,
      runtime,
      log,
      counters,
    });
    incoming.snapshot = snapshot;
    log.info({ peer: from, index: begin.metadata.index, term: begin.term }, "snapshot offered");
    this.#context.handlers?.onSnapshot(snapshot);
  }
}
