/**
 * The ways between nodes: each message takes half a round trip and some jitter, after what its node
 * sent before it, and none overtakes another of the same pair. Frames are encoded by the transport
 * that ships, for their size. Nothing is lost but what was sent to or by a node that ended.
 */
import type { ClusterId, Member, NodeId } from "../../node/src/raft/index.ts";
import type { PeerMessage, Transport, TransportHandlers } from "../../node/src/replica/index.ts";
import { writePeerMessage } from "../../node/src/transport/codec/peer-message.ts";
import { encodeFrame, route } from "../../node/src/transport/frame.ts";
import { BYTES_PER_US, JITTER } from "./model.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface Traffic {
  messages: number;
  bytes: number;
}

export interface Ways {
  readonly time: VirtualTime;
  readonly roundTripUs: number;
  readonly random: () => number;
  readonly clusterId: ClusterId;
}

interface Station {
  handlers: TransportHandlers | null;
  isUp: boolean;
  /** Until then it sends what it was given before. */
  busyUntilUs: number;
}

/** Heartbeats go at their own pace, whatever is written: they are not counted. */
const isBackground = (message: PeerMessage): boolean =>
  message.type === "raft" &&
  (message.message.type === "heartbeat" || message.message.type === "heartbeatResponse");

export class VirtualNetwork {
  /** Everything but heartbeats, by all nodes. */
  readonly traffic: Traffic = { messages: 0, bytes: 0 };
  readonly #ways: Ways;
  readonly #stations = new Map<NodeId, Station>();
  /** By `from>to`: when the last message of the pair arrives. */
  readonly #lastUs = new Map<string, number>();

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  /** The transport of a node that starts now. */
  plugIn(id: NodeId): Transport {
    const station: Station = { handlers: null, isUp: true, busyUntilUs: 0 };
    this.#stations.set(id, station);
    return {
      start: (handlers) => {
        station.handlers = handlers;
      },
      setPeers: (_members: readonly Member[]) => undefined,
      send: (to, message) => this.#send({ id, station }, to, message),
      reaches: (peer) => this.#stations.get(peer)?.isUp === true,
      sendSnapshot: () => {
        throw new Error("no node falls behind far enough for a snapshot here");
      },
    };
  }

  /** @param isNoticed its process ended and connections broke; else the machine is just silent */
  end(id: NodeId, isNoticed: boolean): void {
    const station = this.#stations.get(id);
    if (station !== undefined) station.isUp = false;
    if (!isNoticed) return;
    for (const [other, { handlers, isUp }] of this.#stations) {
      if (isUp && other !== id) {
        this.#ways.time.after(this.#wayUs(), () => handlers?.onUnreachable(id));
      }
    }
  }

  #send(from: { id: NodeId; station: Station }, to: NodeId, message: PeerMessage): void {
    const { time, clusterId } = this.#ways;
    const receiver = this.#stations.get(to);
    if (!from.station.isUp || receiver === undefined) return;
    const way = route(clusterId, from.id, to);
    const { bytes } = encodeFrame(message.type, way, (out) => writePeerMessage(out, message));
    if (!isBackground(message)) {
      this.traffic.messages += 1;
      this.traffic.bytes += bytes;
    }
    const copy = copied(message);
    from.station.busyUntilUs =
      Math.max(time.nowUs, from.station.busyUntilUs) + bytes / BYTES_PER_US;
    const pair = `${from.id}>${to}`;
    const earliest = this.#lastUs.get(pair) ?? 0;
    const atUs = Math.max(earliest, from.station.busyUntilUs + this.#wayUs());
    this.#lastUs.set(pair, atUs);
    time.after(atUs - time.nowUs, () => {
      if (receiver.isUp) receiver.handlers?.onMessage(from.id, copy);
    });
  }

  #wayUs(): number {
    const { roundTripUs, random } = this.#ways;
    return roundTripUs / 2 - Math.log(1 - random()) * roundTripUs * JITTER;
  }
}

/** Bytes that a sender may still stamp are not shared with the receiver. */
const copied = (message: PeerMessage): PeerMessage =>
  message.type === "forward"
    ? {
        ...message,
        proposals: message.proposals.map((one) => ({ ...one, data: one.data.slice() })),
      }
    : message;
