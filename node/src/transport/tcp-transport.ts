/**
 * The Transport port over TCP: a listener, one dialled link per member, and snapshots beside them.
 * Sending never blocks the caller and never fails; what cannot be sent is dropped and counted.
 * Everything it starts ends with `close`.
 */
import type { Member, NodeId } from "../raft/index.ts";
import type { PeerMessage, Transport, TransportHandlers } from "../replica/index.ts";
import { Acceptor } from "./acceptor.ts";
import type { Connection } from "./connection.ts";
import { TransportContext } from "./context.ts";
import type { Purpose, RefusalReason } from "./handshake.ts";
import type { ProvedSocket } from "./handshake-socket.ts";
import { InboundConnections } from "./inbound-connections.ts";
import type { TransportOptions } from "./options.ts";
import { PeerLink } from "./peer-link.ts";
import { SnapshotStreams } from "./snapshot-streams.ts";
import type { PeerStats, TransportStats } from "./stats.ts";

export class TcpTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #context: TransportContext;
  readonly #acceptor: Acceptor;
  readonly #inbound: InboundConnections;
  readonly #snapshots: SnapshotStreams;
  readonly #links = new Map<NodeId, PeerLink>();
  /** Removed members until their connections are closed, with how to call that off. */
  readonly #leaving = new Map<NodeId, { readonly link: PeerLink; readonly cancel: () => void }>();
  readonly #cancelBeat: () => void;
  #unroutable = 0;
  #closed = false;

  /** @throws RangeError when the secret is shorter than 32 bytes. */
  constructor(options: TransportOptions) {
    this.#options = options;
    this.#context = new TransportContext(options);
    this.#snapshots = new SnapshotStreams(this.#context);
    this.#inbound = new InboundConnections({
      context: this.#context,
      isMember: (peer) => this.#links.has(peer),
      heardFrom: (peer) => this.#links.get(peer)?.wake(),
    });
    this.#acceptor = new Acceptor({
      sockets: this.#context.sockets,
      handshake: this.#context.handshake,
      limits: options.limits,
      runtime: options.runtime,
      admit: (peer, purpose) => this.#admit(peer, purpose),
      proved: () => this.#inbound.size + this.#snapshots.receiving,
      adopt: (proved) => this.#adopt(proved),
      refused: (refusal, remoteAddress) => this.#context.countRefusal(refusal, { remoteAddress }),
      failed: (error) => options.log.warn({ error: error.message }, "a peer could not be accepted"),
    });
    this.#cancelBeat = options.runtime.every(options.limits.pingMs, () => this.#beat());
  }

  /** @returns the port. @throws Error naming the address when it cannot be listened on. */
  listen(): Promise<number> {
    return this.#acceptor.listen(this.#options.listen);
  }

  start(handlers: TransportHandlers): void {
    this.#context.handlers = handlers;
  }

  setPeers(members: readonly Member[]): void {
    if (this.#closed) return;
    const wanted = new Map<NodeId, string>();
    for (const { id, peerAddress } of members) {
      if (id !== this.#options.self) wanted.set(id, peerAddress);
    }
    for (const [peer, link] of this.#links) if (!wanted.has(peer)) this.#remove(peer, link);
    for (const [peer, address] of wanted) this.#add(peer, address);
  }

  send(to: NodeId, message: PeerMessage): void {
    this.#assertAddressed(to, message);
    const link = this.#links.get(to) ?? this.#leaving.get(to)?.link;
    // A joining node answers its leader on the leader's own connection until its log tells where
    // the leader is.
    if (link?.connected !== true && this.#inbound.send(to, message)) return;
    if (link === undefined) this.#unroutable += 1;
    else link.send(message);
  }

  reaches(peer: NodeId): boolean {
    const link = this.#links.get(peer) ?? this.#leaving.get(peer)?.link;
    return link?.connected === true || this.#inbound.has(peer);
  }

  sendSnapshot(...[to, term, source, done]: Parameters<Transport["sendSnapshot"]>): void {
    const address = this.#links.get(to)?.address ?? null;
    this.#snapshots.send({ to, address, term, source, done });
  }

  stats(): TransportStats {
    return {
      peers: [...this.#links].map(([peer, link]) => peerStats(peer, link)),
      refused: new Map(this.#context.refusals),
      protocolErrors: this.#context.protocolErrors,
      messagesUnroutable: this.#unroutable,
      pendingHandshakes: this.#acceptor.pendingHandshakes,
      inboundConnections: this.#inbound.size,
      snapshotsSending: this.#snapshots.sending,
      snapshotsReceiving: this.#snapshots.receiving,
    };
  }

  /** Ends every timer and socket; snapshots on their way are told as not delivered. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelBeat();
    for (const { link, cancel } of this.#leaving.values()) {
      cancel();
      link.close("this node is closing");
    }
    for (const link of this.#links.values()) link.close("this node is closing");
    this.#snapshots.closeAll("this node is closing");
    const listenerClosed = this.#acceptor.close();
    await this.#context.destroySockets();
    await listenerClosed;
  }

  /** The receiver takes both addresses from the frame: another one in the message would be lost. */
  #assertAddressed(to: NodeId, message: PeerMessage): void {
    if (message.type !== "raft") return;
    const { from, to: addressee, type } = message.message;
    if (from === this.#options.self && addressee === to) return;
    const way = `from ${from} to ${addressee}`;
    this.#options.runtime.fatal(new Error(`${type} ${way} sent by ${this.#options.self} to ${to}`));
  }

  #add(peer: NodeId, address: string): void {
    const leaving = this.#leaving.get(peer);
    if (leaving !== undefined) {
      leaving.cancel();
      leaving.link.close("the peer is a member again");
      this.#leaving.delete(peer);
    }
    const known = this.#links.get(peer);
    if (known === undefined) this.#connect(peer, address);
    else if (known.address !== address) known.follow(address);
  }

  #connect(peer: NodeId, address: string): void {
    const { limits, runtime, log } = this.#options;
    const link = new PeerLink({
      peer,
      address,
      limits,
      runtime,
      log,
      counters: this.#context.counters(peer),
      dial: (target, done) =>
        this.#context.dial({ address: target, peer, purpose: "messages" }, done),
      adopt: (proved, owner) => this.#linkConnection(proved, owner),
      refused: (refusal, repeated) =>
        this.#context.countRefusal(refusal, { peer, address: link.address }, repeated),
      unreachable: () => runtime.defer(() => this.#reportUnreachable(peer)),
    });
    this.#links.set(peer, link);
    link.wake();
  }

  #linkConnection(proved: ProvedSocket, link: PeerLink): Connection {
    return this.#context.connection(proved, {
      onFrame: (type, body) => this.#context.receive(proved.peer, type, body),
      onDrain: () => link.onDrain(),
      onClosed: (reason) => link.onClosed(reason),
    });
  }

  /** What was sent to a removed member, its removal above all, still gets its time to arrive. */
  #remove(peer: NodeId, link: PeerLink): void {
    this.#links.delete(peer);
    link.retire();
    const cancel = this.#options.runtime.after(this.#options.limits.removedLingerMs, () => {
      this.#leaving.delete(peer);
      const reason = "the peer is no longer a member";
      link.close(reason);
      this.#inbound.close(peer, reason);
      this.#snapshots.close(peer, reason);
      this.#context.forget(peer);
    });
    this.#leaving.set(peer, { link, cancel });
  }

  #admit(peer: NodeId, purpose: Purpose): RefusalReason | null {
    if (this.#closed || this.#context.handlers === null) return "notReady";
    return purpose === "snapshot" ? this.#snapshots.admit(peer) : this.#inbound.admit(peer);
  }

  #adopt(proved: ProvedSocket): void {
    if (proved.purpose === "snapshot") this.#snapshots.adopt(proved);
    else this.#inbound.adopt(proved);
  }

  #reportUnreachable(peer: NodeId): void {
    if (!this.#closed && this.#links.has(peer)) this.#context.handlers?.onUnreachable(peer);
  }

  #beat(): void {
    const nowMs = this.#options.runtime.monotonicMs();
    this.#context.beat();
    for (const link of this.#links.values()) link.beat(nowMs);
    for (const { link } of this.#leaving.values()) link.beat(nowMs);
    this.#inbound.beat(nowMs);
    this.#snapshots.beat(nowMs);
  }
}

function peerStats(peer: NodeId, link: PeerLink): PeerStats {
  return {
    peer,
    connected: link.connected,
    queueMessages: link.outbox.queueMessages,
    queueBytes: link.outbox.queueBytes,
    ...link.counters,
  };
}
