/**
 * Figures of the transport, counted where things happen and pulled by the metrics. Counters only
 * grow while their peer is known.
 */
import type { NodeId } from "../raft/index.ts";
import type { RefusalReason } from "./handshake.ts";

/** Traffic with one peer, both directions, all of its connections, since it became known. */
export interface PeerStats {
  readonly peer: NodeId;
  /** The connection that this node dialled is up. */
  readonly connected: boolean;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Dropped because the queue was full, no connection was up, or one was too large. */
  readonly messagesDropped: number;
  readonly queueMessages: number;
  readonly queueBytes: number;
  /** Connections made, and attempts that failed. */
  readonly connects: number;
  readonly connectFailures: number;
  /** Connections lost after they were made. */
  readonly breaks: number;
  /** The latest ping's round trip in milliseconds; null before the first. */
  readonly roundTripMs: number | null;
  readonly snapshotBytesSent: number;
  readonly snapshotBytesReceived: number;
}

export interface TransportStats {
  readonly peers: readonly PeerStats[];
  /** Connections refused before their first frame, by reason; on both sides of the handshake. */
  readonly refused: ReadonlyMap<RefusalReason, number>;
  /** Connections closed because of a damaged or impossible frame. */
  readonly protocolErrors: number;
  /** Messages for nodes that are neither members nor connected. */
  readonly messagesUnroutable: number;
  readonly pendingHandshakes: number;
  /** Proved connections that others dialled. */
  readonly inboundConnections: number;
  readonly snapshotsSending: number;
  readonly snapshotsReceiving: number;
}

/** The counted part of PeerStats, as its owners write it. */
export interface PeerCounters {
  bytesSent: number;
  bytesReceived: number;
  messagesSent: number;
  messagesReceived: number;
  messagesDropped: number;
  connects: number;
  connectFailures: number;
  breaks: number;
  roundTripMs: number | null;
  snapshotBytesSent: number;
  snapshotBytesReceived: number;
}

export function newPeerCounters(): PeerCounters {
  return {
    bytesSent: 0,
    bytesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    messagesDropped: 0,
    connects: 0,
    connectFailures: 0,
    breaks: 0,
    roundTripMs: null,
    snapshotBytesSent: 0,
    snapshotBytesReceived: 0,
  };
}
