/** What the metrics tell of consensus, the state machine and the store of this node. */
import type { ReplicaStatus } from "../../replica/index.ts";
import { flag, type PulledMetric, type Snapshot, single, stateSet } from "./definition.ts";

const roles = ["leader", "follower", "candidate", "learner"] as const;

type Read = (replica: ReplicaStatus) => number;

/** A figure of the replica; absent while there is none. */
const pull =
  (read: Read): PulledMetric["read"] =>
  ({ replica }) =>
    replica === null ? [] : single(read(replica));

const countMembers = ({ replica }: Snapshot, role: "voter" | "learner"): number =>
  replica?.raft.configuration.members.filter((member) => member.role === role).length ?? 0;

const raftMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_has_leader",
    type: "gauge",
    unit: "boolean",
    labels: [],
    meaning: "1 when this node knows a leader. 0 on any node for longer than an election: act.",
    read: pull(({ raft }) => (raft.leader === null ? 0 : 1)),
  },
  {
    name: "kvcluster_is_leader",
    type: "gauge",
    unit: "boolean",
    labels: [],
    meaning: "1 when this node is the leader. The sum over the cluster is 1.",
    read: pull(({ raft }) => (raft.role === "leader" ? 1 : 0)),
  },
  {
    name: "kvcluster_role",
    type: "gauge",
    unit: "boolean",
    labels: ["role"],
    meaning: "1 for the role of this node, 0 for the others.",
    read: ({ replica }) => (replica === null ? [] : stateSet("role", roles, replica.raft.role)),
  },
  {
    name: "kvcluster_leader_changes_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Changes of leader that this node has seen since it started.",
    read: pull(({ counters }) => counters.leaderChanges),
  },
  {
    name: "kvcluster_members",
    type: "gauge",
    unit: "items",
    labels: ["role"],
    meaning: "Members in the configuration in force, by role voter and learner.",
    read: (snapshot) =>
      snapshot.replica === null
        ? []
        : (["voter", "learner"] as const).map((role) => ({
            labels: { role },
            value: countMembers(snapshot, role),
          })),
  },
  {
    name: "kvcluster_raft_term",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "The current term.",
    read: pull(({ raft }) => raft.term),
  },
  {
    name: "kvcluster_raft_commit_index",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Index of the last log entry known to be committed.",
    read: pull(({ raft }) => raft.commitIndex),
  },
  {
    name: "kvcluster_raft_applied_index",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Index of the last log entry that the state machine has applied.",
    read: pull(({ state }) => state.appliedIndex),
  },
  {
    name: "kvcluster_raft_persisted_index",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Index of the last log entry that is durable on this node.",
    read: pull(({ raft }) => raft.persistedIndex),
  },
  {
    name: "kvcluster_raft_last_index",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Index of the last entry in the log of this node.",
    read: pull(({ raft }) => raft.lastIndex),
  },
  {
    name: "kvcluster_raft_first_index",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Index of the first entry that the log still holds; everything before was compacted.",
    read: pull(({ raft }) => raft.firstIndex),
  },
];

const proposalMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_proposals_committed_total",
    type: "counter",
    unit: "entries",
    labels: [],
    meaning: "Log entries committed since the cluster was made. Lags behind on a slow node.",
    read: pull(({ raft }) => raft.commitIndex),
  },
  {
    name: "kvcluster_proposals_applied_total",
    type: "counter",
    unit: "entries",
    labels: [],
    meaning: "Log entries applied since the cluster was made; the gap to committed is the backlog.",
    read: pull(({ state }) => state.appliedIndex),
  },
  {
    name: "kvcluster_proposals_accepted_total",
    type: "counter",
    unit: "entries",
    labels: [],
    meaning: "Proposals of clients of this node that the leader appended, since it started.",
    read: pull(({ counters }) => counters.proposalsAccepted),
  },
  {
    name: "kvcluster_proposals_failed_total",
    type: "counter",
    unit: "entries",
    labels: [],
    meaning: "Proposals of clients of this node that were refused or not answered in time.",
    read: pull(({ counters }) => counters.proposalsFailed),
  },
  {
    name: "kvcluster_proposals_pending",
    type: "gauge",
    unit: "entries",
    labels: [],
    meaning: "Proposals of clients of this node that wait to be applied.",
    read: pull(({ counters }) => counters.proposalsPending),
  },
  {
    name: "kvcluster_reads_pending",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Linearizable reads that wait for the leader's confirmation or for the apply.",
    read: pull(({ counters }) => counters.readsPending),
  },
  {
    name: "kvcluster_entries_applied_total",
    type: "counter",
    unit: "entries",
    labels: [],
    meaning: "Log entries applied by this process since it started.",
    read: pull(({ counters }) => counters.entriesApplied),
  },
  {
    name: "kvcluster_inbox_items",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Inputs that wait for the consensus loop. At its limit requests are OVERLOADED.",
    read: pull(({ counters }) => counters.inboxItems),
  },
  {
    name: "kvcluster_inbox_bytes",
    type: "gauge",
    unit: "bytes",
    labels: [],
    meaning: "Size of the inputs that wait for the consensus loop.",
    read: pull(({ counters }) => counters.inboxBytes),
  },
];

const storeMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_db_size_bytes",
    type: "gauge",
    unit: "bytes",
    labels: [],
    meaning: "Size of the state on disk: keys, values and their history, without the log.",
    read: ({ store }) => single(store?.stateBytes),
  },
  {
    name: "kvcluster_log_size_bytes",
    type: "gauge",
    unit: "bytes",
    labels: [],
    meaning: "Size of the Raft log on disk.",
    read: ({ store }) => single(store?.logBytes),
  },
  {
    name: "kvcluster_keys",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Keys that exist.",
    read: pull(({ state }) => state.keys),
  },
  {
    name: "kvcluster_revision",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "The revision of the state that this node has applied.",
    read: pull(({ state }) => state.revision),
  },
  {
    name: "kvcluster_compact_revision",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "History before this revision is forgotten.",
    read: pull(({ state }) => state.compactRevision),
  },
  {
    name: "kvcluster_snapshots_sent_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Snapshots that were delivered whole to followers.",
    read: pull(({ counters }) => counters.snapshotsSent),
  },
  {
    name: "kvcluster_snapshots_installed_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Snapshots that this node has put in the place of its state.",
    read: pull(({ counters }) => counters.snapshotsInstalled),
  },
];

const healthMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_ready",
    type: "gauge",
    unit: "boolean",
    labels: [],
    meaning: "1 when this node serves linearizable reads, as /readyz says.",
    read: ({ replica, phase }) => flag(phase === "serving" && replica?.ready === true),
  },
  {
    name: "kvcluster_corrupt",
    type: "gauge",
    unit: "boolean",
    labels: [],
    meaning: "1 when this replica has diverged or its disk is damaged: it serves nothing. Act.",
    read: ({ replica, phase }) => flag(phase === "corrupt" || replica?.corrupt === true),
  },
  {
    name: "kvcluster_leader_silence_seconds",
    type: "gauge",
    unit: "seconds",
    labels: [],
    meaning: "Time since this node last heard from its leader; 0 on the leader.",
    read: ({ stalenessMs }) => single(stalenessMs === null ? null : stalenessMs / 1000),
  },
];

export const replicaMetrics: readonly PulledMetric[] = [
  ...healthMetrics,
  ...raftMetrics,
  ...proposalMetrics,
  ...storeMetrics,
];
