/**
 * The wires between hosts. Raft's messages are lost, doubled, delayed and reordered at will; the
 * other frames keep the transport's contract (at most once, in order). Partitions are per
 * direction.
 */
import type { Member, Message, NodeId } from "../../node/src/raft/index.ts";
import type { PeerMessage, Transport, TransportHandlers } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import { SnapshotStream } from "./snapshot-stream.test-kit.ts";
import type { PeerCodec } from "./system.test-kit.ts";

export interface NetworkWeather {
  loss: number;
  duplication: number;
  /** Chance that a message takes a detour of up to `detourUs`. */
  reorder: number;
  detourUs: number;
  latencyUs: number;
  /** Chance that a snapshot's stream breaks, per chunk. */
  streamBreak: number;
  /** Chance that a snapshot's chunk is damaged on its way. */
  chunkDamage: number;
}

/** One life of a process, as the network sees it. */
export interface Station {
  readonly host: string;
  readonly nodeId: NodeId;
  readonly isAlive: boolean;
  /** Runs in the process when it is not paused; never after its end. */
  run(task: () => void): void;
  sending(message: PeerMessage): void;
  received(from: NodeId, message: PeerMessage): void;
  onEnd(task: () => void): void;
}

export interface Plug {
  readonly station: Station;
  handlers: TransportHandlers | null;
  /** Hosts of members heard from: an answer goes back on the connection of the question. */
  readonly contacts: Map<NodeId, string>;
}

export type Carrier = (
  message: PeerMessage,
  direction: { readonly from: NodeId; readonly to: NodeId },
) => PeerMessage;

const UNREACHABLE_EVERY_US = 200_000;
/** As the real transport's: what is sent to a member on its way out still gets there. */
const LINGER_US = 2_000_000;

export class Network {
  readonly weather: NetworkWeather;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly coverage: Coverage;
  /** What a message is after its way over the wire. */
  readonly carry: Carrier;
  /** By host. */
  readonly #plugs = new Map<string, Plug>();
  /** `from>to`, hosts. */
  readonly #blocked = new Set<string>();
  /** Time of the last frame in order of each pair of stations. */
  readonly #lastInOrder = new Map<string, number>();
  readonly #lastUnreachable = new Map<string, number>();

  constructor(
    parts: Pick<Network, "queue" | "random" | "coverage" | "carry">,
    weather: NetworkWeather,
  ) {
    this.queue = parts.queue;
    this.random = parts.random;
    this.coverage = parts.coverage;
    this.carry = parts.carry;
    this.weather = weather;
  }

  /** The transport of a new life. */
  plugIn(station: Station): Transport {
    const plug: Plug = { station, handlers: null, contacts: new Map() };
    this.#plugs.set(station.host, plug);
    return new SimulatedTransport(this, plug);
  }

  block(from: string, to: string): void {
    this.#blocked.add(`${from}>${to}`);
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(`${from}>${to}`);
  }

  heal(): void {
    this.#blocked.clear();
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(`${from}>${to}`);
  }

  /** The life that answers to `nodeId` at `host` now. */
  find(host: string, nodeId: NodeId): Plug | null {
    const plug = this.#plugs.get(host);
    if (plug === undefined || !plug.station.isAlive || plug.handlers === null) return null;
    return plug.station.nodeId === nodeId ? plug : null;
  }

  reaches(from: Plug, to: { host: string; nodeId: NodeId }): boolean {
    return this.find(to.host, to.nodeId) !== null && !this.isBlocked(from.station.host, to.host);
  }

  delayUs(): number {
    const { latencyUs, reorder, detourUs } = this.weather;
    const detour = this.random.chance(reorder) ? this.random.next() * detourUs : 0;
    return latencyUs * 0.5 + this.random.exponential(latencyUs * 0.5) + detour;
  }

  send(from: Plug, to: { host: string; nodeId: NodeId }, message: PeerMessage): void {
    if (!this.reaches(from, to)) {
      this.coverage.count("messages to the unreachable");
      this.#tellUnreachable(from, to);
      return;
    }
    if (message.type === "raft") this.#sendLoosely(from, to, message.message);
    else this.#sendInOrder(from, to, message);
  }

  #sendLoosely(from: Plug, to: { host: string; nodeId: NodeId }, message: Message): void {
    const direction = { from: from.station.nodeId, to: to.nodeId };
    const frame = this.carry({ type: "raft", message }, direction);
    if (this.random.chance(this.weather.loss)) {
      this.coverage.count("messages lost");
    } else {
      this.queue.schedule(this.delayUs(), () => this.#deliver(from, to, frame));
    }
    if (!this.random.chance(this.weather.duplication)) return;
    this.coverage.count("messages doubled");
    const late = this.delayUs() + this.random.next() * this.weather.detourUs;
    this.queue.schedule(late, () => this.#deliver(from, to, frame));
  }

  #sendInOrder(from: Plug, to: { host: string; nodeId: NodeId }, message: PeerMessage): void {
    const sender = from.station;
    const receiver = this.find(to.host, to.nodeId);
    const pair = `${sender.host}>${to.host}`;
    const earliest = this.#lastInOrder.get(pair) ?? 0;
    const at = Math.max(earliest, this.queue.nowUs + this.delayUs());
    this.#lastInOrder.set(pair, at);
    // A queue that overflows, or a connection that breaks: at most once, never again.
    if (this.random.chance(this.weather.loss * 0.2)) {
      this.coverage.count("frames lost");
      return;
    }
    const frame = this.carry(message, { from: sender.nodeId, to: to.nodeId });
    this.queue.schedule(at - this.queue.nowUs, () => {
      // A connection ends with either of its processes.
      if (sender.isAlive && receiver?.station.isAlive === true) this.#deliver(from, to, frame);
    });
  }

  #deliver(from: Plug, to: { host: string; nodeId: NodeId }, message: PeerMessage): void {
    const plug = this.find(to.host, to.nodeId);
    if (plug === null || this.isBlocked(from.station.host, to.host)) return;
    plug.station.run(() => {
      plug.contacts.set(from.station.nodeId, from.station.host);
      plug.station.received(from.station.nodeId, message);
      plug.handlers?.onMessage(from.station.nodeId, message);
    });
  }

  #tellUnreachable(from: Plug, to: { host: string; nodeId: NodeId }): void {
    const pair = `${from.station.host}>${to.host}`;
    const last = this.#lastUnreachable.get(pair) ?? Number.NEGATIVE_INFINITY;
    if (this.queue.nowUs - last < UNREACHABLE_EVERY_US) return;
    this.#lastUnreachable.set(pair, this.queue.nowUs);
    this.queue.schedule(this.delayUs(), () => {
      from.station.run(() => from.handlers?.onUnreachable(to.nodeId));
    });
  }
}

class SimulatedTransport implements Transport {
  readonly #network: Network;
  readonly #plug: Plug;
  readonly #hosts = new Map<NodeId, string>();
  readonly #leaving = new Map<NodeId, { readonly host: string; readonly untilUs: number }>();

  constructor(network: Network, plug: Plug) {
    this.#network = network;
    this.#plug = plug;
  }

  start(handlers: TransportHandlers): void {
    this.#plug.handlers = handlers;
  }

  setPeers(members: readonly Member[]): void {
    const untilUs = this.#network.queue.nowUs + LINGER_US;
    for (const [id, host] of this.#hosts) this.#leaving.set(id, { host, untilUs });
    this.#hosts.clear();
    for (const { id, peerAddress } of members) {
      this.#hosts.set(id, peerAddress);
      this.#leaving.delete(id);
    }
  }

  send(to: NodeId, message: PeerMessage): void {
    this.#plug.station.sending(message);
    const host = this.#hostOf(to);
    if (host === null) this.#network.coverage.count("messages to the unknown");
    else this.#network.send(this.#plug, { host, nodeId: to }, message);
  }

  reaches(peer: NodeId): boolean {
    const host = this.#hostOf(peer);
    return host !== null && this.#network.reaches(this.#plug, { host, nodeId: peer });
  }

  sendSnapshot(...[to, term, source, done]: Parameters<Transport["sendSnapshot"]>): void {
    const host = this.#hostOf(to) ?? "";
    new SnapshotStream(this.#network, this.#plug, { to: { host, nodeId: to }, term, source, done });
  }

  #hostOf(id: NodeId): string | null {
    const host = this.#hosts.get(id);
    if (host !== undefined) return host;
    const leaving = this.#leaving.get(id);
    if (leaving !== undefined && leaving.untilUs > this.#network.queue.nowUs) return leaving.host;
    return this.#plug.contacts.get(id) ?? null;
  }
}

/** In memory: bytes that a sender may still stamp are not shared with the receiver. */
export const carryCopied: Carrier = (message) => {
  if (message.type !== "forward") return message;
  const proposals = message.proposals.map(({ data, sequence }) => ({
    data: data.slice(),
    sequence,
  }));
  return { ...message, proposals };
};

/** Through the codec of the real transport. */
export const carryEncoded =
  ({ SegmentWriter, writePeerMessage, readPeerMessage }: PeerCodec): Carrier =>
  (message, direction) => {
    const writer = new SegmentWriter();
    writePeerMessage(writer, message);
    const body = Uint8Array.from(Buffer.concat(writer.finish()));
    return readPeerMessage(message.type, body, direction);
  };
