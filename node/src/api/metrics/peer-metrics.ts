/**
 * What the metrics tell of the other members: how far behind they are and the traffic with them.
 * The label `peer` is a member's name, so there are as many values as members; the samples of a
 * member that was removed are gone.
 */
import type { PeerStats } from "../../transport/index.ts";
import type { PulledMetric, Sample, Snapshot } from "./definition.ts";
import { single } from "./definition.ts";

/** Names by id; a peer that is no member (yet) is told by its id. */
function namePeers({ replica }: Snapshot): (id: number) => string {
  const names = new Map<number, string>();
  for (const member of replica?.raft.configuration.members ?? []) names.set(member.id, member.name);
  return (id) => names.get(id) ?? `id-${id}`;
}

/** One sample for each peer of the transport for which the figure is known. */
const pullPeers =
  (read: (peer: PeerStats) => number | null): PulledMetric["read"] =>
  (snapshot) => {
    const nameOf = namePeers(snapshot);
    const samples: Sample[] = [];
    for (const peer of snapshot.transport?.peers ?? []) {
      const value = read(peer);
      if (value !== null) samples.push({ labels: { peer: nameOf(peer.peer) }, value });
    }
    return samples;
  };

function readLag(snapshot: Snapshot): readonly Sample[] {
  const { replica } = snapshot;
  if (replica === null) return [];
  const nameOf = namePeers(snapshot);
  return replica.raft.progress
    .filter(({ id }) => id !== replica.raft.id)
    .map(({ id, matchIndex }) => ({
      labels: { peer: nameOf(id) },
      value: Math.max(0, replica.raft.lastIndex - matchIndex),
    }));
}

function readActive(snapshot: Snapshot): readonly Sample[] {
  const { replica } = snapshot;
  if (replica === null) return [];
  const nameOf = namePeers(snapshot);
  return replica.raft.progress
    .filter(({ id }) => id !== replica.raft.id)
    .map(({ id, recentActive }) => ({
      labels: { peer: nameOf(id) },
      value: recentActive ? 1 : 0,
    }));
}

interface PeerFigure {
  readonly name: string;
  readonly unit: PulledMetric["unit"];
  readonly meaning: string;
  readonly read: (peer: PeerStats) => number | null;
}

const ofPeers = (type: PulledMetric["type"], figures: readonly PeerFigure[]): PulledMetric[] =>
  figures.map((figure) => ({ ...figure, type, labels: ["peer"], read: pullPeers(figure.read) }));

const progressMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_peer_lag_entries",
    type: "gauge",
    unit: "entries",
    labels: ["peer"],
    meaning: "Log entries that a member is known to lack. On the leader only.",
    read: readLag,
  },
  {
    name: "kvcluster_peer_active",
    type: "gauge",
    unit: "boolean",
    labels: ["peer"],
    meaning: "1 when a member answered within the last election timeout. On the leader only.",
    read: readActive,
  },
];

const linkMetrics: readonly PulledMetric[] = [
  ...ofPeers("gauge", [
    {
      name: "kvcluster_peer_connected",
      unit: "boolean",
      meaning: "1 while the connection that this node dialled to a member is up.",
      read: (peer) => (peer.connected ? 1 : 0),
    },
    {
      name: "kvcluster_peer_round_trip_seconds",
      unit: "seconds",
      meaning: "Round trip of the latest ping to a member.",
      read: (peer) => (peer.roundTripMs === null ? null : peer.roundTripMs / 1000),
    },
    {
      name: "kvcluster_peer_queue_items",
      unit: "items",
      meaning: "Messages that wait to be sent to a member.",
      read: (peer) => peer.queueMessages,
    },
    {
      name: "kvcluster_peer_queue_bytes",
      unit: "bytes",
      meaning: "Size of the messages that wait to be sent to a member.",
      read: (peer) => peer.queueBytes,
    },
  ]),
  ...ofPeers("counter", [
    {
      name: "kvcluster_peer_sent_bytes_total",
      unit: "bytes",
      meaning: "Bytes sent to a member, snapshots included.",
      read: (peer) => peer.bytesSent,
    },
    {
      name: "kvcluster_peer_received_bytes_total",
      unit: "bytes",
      meaning: "Bytes received from a member, snapshots included.",
      read: (peer) => peer.bytesReceived,
    },
    {
      name: "kvcluster_peer_sent_messages_total",
      unit: "items",
      meaning: "Messages sent to a member.",
      read: (peer) => peer.messagesSent,
    },
    {
      name: "kvcluster_peer_received_messages_total",
      unit: "items",
      meaning: "Messages received from a member.",
      read: (peer) => peer.messagesReceived,
    },
    {
      name: "kvcluster_peer_dropped_messages_total",
      unit: "items",
      meaning: "Messages to a member dropped: its queue was full, it was away, one was too large.",
      read: (peer) => peer.messagesDropped,
    },
    {
      name: "kvcluster_peer_connects_total",
      unit: "items",
      meaning: "Connections made to a member.",
      read: (peer) => peer.connects,
    },
    {
      name: "kvcluster_peer_connect_failures_total",
      unit: "items",
      meaning: "Attempts to connect to a member that failed.",
      read: (peer) => peer.connectFailures,
    },
    {
      name: "kvcluster_peer_breaks_total",
      unit: "items",
      meaning: "Connections with a member that were lost after they were made.",
      read: (peer) => peer.breaks,
    },
    {
      name: "kvcluster_peer_snapshot_sent_bytes_total",
      unit: "bytes",
      meaning: "Bytes of snapshots sent to a member.",
      read: (peer) => peer.snapshotBytesSent,
    },
    {
      name: "kvcluster_peer_snapshot_received_bytes_total",
      unit: "bytes",
      meaning: "Bytes of snapshots received from a member.",
      read: (peer) => peer.snapshotBytesReceived,
    },
  ]),
];

const listenerMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_transport_refused_total",
    type: "counter",
    unit: "items",
    labels: ["reason"],
    meaning: "Peer connections refused before their first frame, by reason.",
    read: ({ transport }) =>
      [...(transport?.refused ?? [])].map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: "kvcluster_transport_protocol_errors_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Peer connections closed because of a damaged or impossible frame.",
    read: ({ transport }) => single(transport?.protocolErrors),
  },
  {
    name: "kvcluster_transport_unroutable_messages_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Messages for nodes that are neither members nor connected.",
    read: ({ transport }) => single(transport?.messagesUnroutable),
  },
  {
    name: "kvcluster_transport_inbound_connections",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Connections that other members hold to this node.",
    read: ({ transport }) => single(transport?.inboundConnections),
  },
  {
    name: "kvcluster_transport_pending_handshakes",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Peer connections that have not proved yet that they belong to the cluster.",
    read: ({ transport }) => single(transport?.pendingHandshakes),
  },
  {
    name: "kvcluster_snapshots_sending",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Snapshots on their way to other members.",
    read: ({ transport }) => single(transport?.snapshotsSending),
  },
  {
    name: "kvcluster_snapshots_receiving",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Snapshots that are arriving at this node.",
    read: ({ transport }) => single(transport?.snapshotsReceiving),
  },
];

export const peerMetrics: readonly PulledMetric[] = [
  ...progressMetrics,
  ...linkMetrics,
  ...listenerMetrics,
];
