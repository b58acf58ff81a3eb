/**
 * What the parts of one transport share: its options, the counters per peer, the count of refusals,
 * and how a proved socket becomes a connection. Keeps track of every socket, so that closing the
 * transport leaves none behind.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { DecodeError } from "../codec/index.ts";
import type { NodeId } from "../raft/index.ts";
import type { PeerMessage, TransportHandlers } from "../replica/index.ts";
import { readPeerMessage } from "./codec/peer-message.ts";
import { Connection, type ConnectionHandlers } from "./connection.ts";
import { type FrameType, route } from "./frame.ts";
import { type HandshakeOptions, type RefusalReason, SECRET_BYTES_MIN } from "./handshake.ts";
import {
  type DialRequest,
  dial,
  type HandshakeOutcome,
  type ProvedSocket,
  type RefusedSocket,
} from "./handshake-socket.ts";
import { type SocketFactory, type TransportOptions, tcpSockets } from "./options.ts";
import { newPeerCounters, type PeerCounters } from "./stats.ts";

/** Refusals told in the log between two beats; a flood is only counted. */
const REFUSALS_LOGGED_PER_BEAT = 8;

export class TransportContext {
  readonly options: TransportOptions;
  readonly sockets: SocketFactory;
  readonly handshake: HandshakeOptions;
  readonly refusals: Map<RefusalReason, number> = new Map();
  protocolErrors = 0;
  handlers: TransportHandlers | null = null;
  readonly #open = new Set<Socket>();
  readonly #counters = new Map<NodeId, PeerCounters>();
  #refusalsLogged = 0;

  /** @throws RangeError when the secret is too short to withstand guessing. */
  constructor(options: TransportOptions) {
    const { secret, clusterId, self } = options;
    if (secret.length < SECRET_BYTES_MIN) {
      throw new RangeError(
        `the peer secret has ${secret.length} bytes, it needs at least ${SECRET_BYTES_MIN}`,
      );
    }
    this.options = options;
    this.sockets = options.sockets ?? tcpSockets;
    this.handshake = { clusterId, self, secret };
  }

  /** Counters of a peer; they live until `forget`. */
  counters(peer: NodeId): PeerCounters {
    const known = this.#counters.get(peer);
    if (known !== undefined) return known;
    const counters = newPeerCounters();
    this.#counters.set(peer, counters);
    return counters;
  }

  forget(peer: NodeId): void {
    this.#counters.delete(peer);
  }

  /** Dials a peer; see `dial`. The socket is destroyed with the transport. */
  dial(request: DialRequest, done: (outcome: HandshakeOutcome) => void): () => void {
    const { runtime, limits } = this.options;
    return dial(
      request,
      {
        handshake: this.handshake,
        sockets: { ...this.sockets, connect: (address) => this.#track(this.sockets, address) },
        runtime,
        connectMsMax: limits.connectMsMax,
      },
      done,
    );
  }

  connection(proved: ProvedSocket, handlers: ConnectionHandlers): Connection {
    const { clusterId, self, limits, runtime, log } = this.options;
    const { peer, socket } = proved;
    this.track(socket);
    return new Connection({
      peer,
      socket,
      outgoing: route(clusterId, self, peer),
      incoming: route(clusterId, peer, self),
      limits,
      runtime,
      counters: this.counters(peer),
      handlers: {
        ...handlers,
        onClosed: (reason, protocolError) => {
          if (protocolError) {
            this.protocolErrors += 1;
            log.warn({ peer, reason }, "closed a connection to a peer");
          }
          handlers.onClosed(reason, protocolError);
        },
      },
    });
  }

  /** Decodes a message and gives it to the driver. @throws DecodeError */
  receive(peer: NodeId, type: FrameType, body: Uint8Array): void {
    const message = this.#decode(peer, type, body);
    this.counters(peer).messagesReceived += 1;
    this.handlers?.onMessage(peer, message);
  }

  /** @param repeated counted, but not told again. */
  countRefusal(refusal: RefusedSocket, fields: object, repeated: boolean = false): void {
    const { reason, detail } = refusal;
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    if (repeated) return;
    this.#refusalsLogged += 1;
    if (this.#refusalsLogged > REFUSALS_LOGGED_PER_BEAT) return;
    this.options.log.warn({ ...fields, reason, detail }, "a peer connection was refused");
  }

  beat(): void {
    this.#refusalsLogged = 0;
  }

  track(socket: Socket): void {
    if (this.#open.has(socket)) return;
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Destroys every socket and waits until all are closed. */
  async destroySockets(): Promise<void> {
    const closed = [...this.#open].map((socket) => {
      const end = once(socket, "close");
      socket.destroy();
      return end;
    });
    await Promise.all(closed);
  }

  #track(sockets: SocketFactory, address: Parameters<SocketFactory["connect"]>[0]): Socket {
    const socket = sockets.connect(address);
    this.track(socket);
    return socket;
  }

  #decode(peer: NodeId, type: FrameType, body: Uint8Array): PeerMessage {
    switch (type) {
      case "raft":
      case "forward":
      case "forwardRejected":
      case "adminRequest":
      case "adminResponse":
        return readPeerMessage(type, body, { from: peer, to: this.options.self });
      default:
        throw new DecodeError(`frame ${type} on a connection for messages`);
    }
  }
}
