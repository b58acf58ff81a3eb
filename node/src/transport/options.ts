/**
 * What a transport is made from: its identity, its limits, and the world it may touch (sockets,
 * timers, chance, a log), so that tests drive time themselves and TLS can replace plain TCP.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { ClusterId, NodeId } from "../raft/index.ts";
import type { Runtime } from "../replica/index.ts";

/** Every maximum of the transport. Reaching one drops or closes something, and is counted. */
export interface TransportLimits {
  /** Largest frame sent or accepted, header included. */
  readonly frameBytesMax: number;
  /** Messages waiting for one peer; more are dropped. */
  readonly queueMessagesMax: number;
  /** Bytes waiting for one peer; more are dropped. */
  readonly queueBytesMax: number;
  /** Bytes handed to one socket and not yet taken by the kernel; the rest waits in the queue. */
  readonly socketBytesMax: number;
  /** Time to connect and to finish the handshake, for the side that dials. */
  readonly connectMsMax: number;
  /** Time to finish the handshake, for the side that accepts. */
  readonly handshakeMsMax: number;
  /** Accepted connections that have not proved themselves; the oldest gives way to a newer one. */
  readonly pendingHandshakesMax: number;
  /** Accepted connections, proved or not; the oldest that is not gives way to a newer one. */
  readonly connectionsMax: number;
  /** Proved connections of nodes that are not members (a joining node knows none yet). */
  readonly strangersMax: number;
  /** First pause before dialling again; doubles up to the maximum; half of it is jitter. */
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  /** Each connection is probed this often; the answer gives the round trip. */
  readonly pingMs: number;
  /** A connection without a byte received or taken for so long is dead. */
  readonly silenceMsMax: number;
  /**
   * When a peer dials anew, it may have restarted elsewhere: the connection to it must answer
   * within this time.
   */
  readonly probeMsMax: number;
  /** A removed member is still told what it was sent (its removal), then its connections close. */
  readonly removedLingerMs: number;
  /** Largest chunk of a snapshot. */
  readonly snapshotChunkBytesMax: number;
  /** Chunks on their way and not yet consumed by the receiver. */
  readonly snapshotWindowChunks: number;
  /** Snapshots being sent at one time. */
  readonly snapshotsSentMax: number;
  /** Snapshots being received at one time; a newer leader's arrives beside the one it replaces. */
  readonly snapshotsReceivedMax: number;
  /** A snapshot that made no progress for so long, its installation included, is given up. */
  readonly snapshotStallMsMax: number;
}

export const defaultTransportLimits: TransportLimits = {
  frameBytesMax: 16 * 1024 * 1024,
  queueMessagesMax: 4096,
  queueBytesMax: 64 * 1024 * 1024,
  socketBytesMax: 1024 * 1024,
  connectMsMax: 3_000,
  handshakeMsMax: 3_000,
  pendingHandshakesMax: 64,
  connectionsMax: 128,
  strangersMax: 16,
  reconnectMsMin: 50,
  reconnectMsMax: 2_000,
  pingMs: 1_000,
  silenceMsMax: 4_000,
  probeMsMax: 500,
  removedLingerMs: 2_000,
  snapshotChunkBytesMax: 512 * 1024,
  snapshotWindowChunks: 4,
  snapshotsSentMax: 4,
  snapshotsReceivedMax: 2,
  snapshotStallMsMax: 120_000,
};

/** What the transport needs of the driver's Runtime. */
export type TransportRuntime = Pick<
  Runtime,
  "defer" | "every" | "after" | "monotonicMs" | "random" | "fatal"
>;

/** Structured log; pino's logger is one. No secret and no value is ever given to it. */
export interface TransportLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Makes sockets. A TLS factory answers `secureConnect` and hands over sockets already secured. */
export interface SocketFactory {
  /** Resolves the host anew at each call: pod addresses change. */
  connect(address: HostPort): Socket;
  /** The event after which a socket of `connect` may be written to. */
  readonly connectedEvent: "connect" | "secureConnect";
  createServer(onSocket: (socket: Socket) => void): Server;
}

export const tcpSockets: SocketFactory = {
  connect: ({ host, port }) => connect({ host, port, noDelay: true, keepAlive: true }),
  connectedEvent: "connect",
  createServer: (onSocket) => createServer({ noDelay: true, keepAlive: true }, onSocket),
};

export interface TransportOptions {
  readonly clusterId: ClusterId;
  readonly self: NodeId;
  /** Port 0: any free one, told by `listen`. */
  readonly listen: HostPort;
  /** The cluster's shared secret, at least 32 bytes. */
  readonly secret: Uint8Array;
  readonly limits: TransportLimits;
  readonly runtime: TransportRuntime;
  readonly log: TransportLog;
  /** Plain TCP when left out. */
  readonly sockets?: SocketFactory;
}

/** Reads `host:port` or `[v6]:port`; null when it is neither. */
export function parseAddress(address: string): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

export function boundPort(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no port");
  return address.port;
}
