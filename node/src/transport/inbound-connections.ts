/**
 * Message connections that others dialled: one per peer, the newest wins, because an older one of
 * the same peer can only be a leftover of its former life. Members are always taken; of nodes that
 * this one does not know as members (a joining node knows none before its log tells) only so many.
 */
import type { NodeId } from "../raft/index.ts";
import type { PeerMessage } from "../replica/index.ts";
import type { Connection } from "./connection.ts";
import type { TransportContext } from "./context.ts";
import type { RefusalReason } from "./handshake.ts";
import type { ProvedSocket } from "./handshake-socket.ts";
import { Outbox } from "./outbox.ts";

interface Inbound {
  readonly connection: Connection;
  /** For answers to a peer that this node has no link to (yet). */
  readonly outbox: Outbox;
}

export interface InboundOptions {
  readonly context: TransportContext;
  isMember(peer: NodeId): boolean;
  /** A peer has just proved itself, so it is up. */
  heardFrom(peer: NodeId): void;
}

export class InboundConnections {
  readonly #options: InboundOptions;
  readonly #byPeer = new Map<NodeId, Inbound>();

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  has(peer: NodeId): boolean {
    return this.#byPeer.has(peer);
  }

  admit(peer: NodeId): RefusalReason | null {
    if (this.#options.isMember(peer) || this.#byPeer.has(peer)) return null;
    const { strangersMax } = this.#options.context.options.limits;
    let strangers = 0;
    for (const id of this.#byPeer.keys()) if (!this.#options.isMember(id)) strangers += 1;
    return strangers >= strangersMax ? "tooManyStrangers" : null;
  }

  adopt(proved: ProvedSocket): void {
    const { context } = this.#options;
    const { peer } = proved;
    const { limits, log } = context.options;
    const outbox = new Outbox({ peer, limits, log, counters: context.counters(peer) });
    const connection: Connection = context.connection(proved, {
      onFrame: (type, body) => context.receive(peer, type, body),
      onDrain: () => outbox.flush(),
      onClosed: () => this.#drop(peer, connection),
    });
    outbox.attach(connection);
    this.close(peer, "the peer connected again");
    this.#byPeer.set(peer, { connection, outbox });
    connection.start(proved.rest);
    this.#options.heardFrom(peer);
  }

  /** Answers on the connection that the peer dialled. False when there is none. */
  send(to: NodeId, message: PeerMessage): boolean {
    const inbound = this.#byPeer.get(to);
    inbound?.outbox.send(message);
    return inbound !== undefined;
  }

  close(peer: NodeId, reason: string): void {
    const inbound = this.#byPeer.get(peer);
    if (inbound === undefined) return;
    this.#byPeer.delete(peer);
    inbound.outbox.detach();
    inbound.connection.close(reason);
  }

  beat(nowMs: number): void {
    for (const { connection } of this.#byPeer.values()) connection.beat(nowMs);
  }

  #drop(peer: NodeId, connection: Connection): void {
    const inbound = this.#byPeer.get(peer);
    if (inbound?.connection !== connection) return;
    inbound.outbox.detach();
    this.#byPeer.delete(peer);
    if (!this.#options.isMember(peer)) this.#options.context.forget(peer);
  }
}
