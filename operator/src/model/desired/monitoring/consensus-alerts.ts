/** Alerts on leader, quorum and members. */
import type { KVCluster } from "../../api/types.ts";
import type { Alert } from "./alert.ts";
import { type Series, seriesOf, titleOf } from "./series.ts";

/** Voters that serve; zero, not absent, when there is none. */
const servingVoters = (of: Series): string =>
  `(count((${of("kvcluster_ready")} == 1) unless on (pod) ` +
  `(${of("kvcluster_role", 'role="learner"')} == 1)) or vector(0))`;

const voters = (of: Series): string => `max(${of("kvcluster_members", 'role="voter"')})`;

function leaderAlerts(cluster: KVCluster): Alert[] {
  const of = seriesOf(cluster);
  const title = titleOf(cluster);
  return [
    {
      name: "KVClusterAbsent",
      severity: "critical",
      expression: `absent(${of("up")} == 1)`,
      after: "5m",
      summary: `Prometheus gets no figures from any node of ${title}.`,
      description:
        "All nodes are away, or they are not scraped. While this lasts no other alert of this " +
        "KVCluster can fire.",
    },
    {
      name: "KVClusterNoLeader",
      severity: "critical",
      expression: `max(${of("kvcluster_has_leader")}) == 0`,
      after: "1m",
      summary: `${title} has no leader: it serves neither writes nor linearizable reads.`,
      description: "No node knows a leader. Most often a majority of the voters is away.",
    },
    {
      name: "KVClusterElectionStorm",
      severity: "warning",
      expression: `max(increase(${of("kvcluster_leader_changes_total")}[15m])) >= 4`,
      after: "0s",
      summary: `${title} changes its leader again and again.`,
      description:
        "A node saw about {{ $value | humanize }} changes of leader in 15 minutes. Each keeps " +
        "writes waiting; a rolling update makes one.",
    },
  ];
}

function quorumAlert(cluster: KVCluster): Alert {
  const of = seriesOf(cluster);
  const few = `${servingVoters(of)} < ${voters(of)}`;
  const none = `${servingVoters(of)} <= floor(${voters(of)} / 2) + 1`;
  return {
    name: "KVClusterQuorumAtRisk",
    severity: "critical",
    expression: `(${few}) and (${none})`,
    after: "5m",
    summary: `${titleOf(cluster)} cannot bear the loss of another node.`,
    description:
      "Only {{ $value | humanize }} voters serve, which is the majority at best. One more that " +
      "goes stops the store.",
  };
}

/** The leader's view; the lag of a member that does not answer at all says nothing new. */
function memberAlerts(cluster: KVCluster): Alert[] {
  const of = seriesOf(cluster);
  const title = titleOf(cluster);
  const lagMax = Math.max(1000, Math.floor(cluster.spec.raft.entriesKept / 2));
  const active = `max by (peer) (${of("kvcluster_peer_active")})`;
  const lag = `max by (peer) (${of("kvcluster_peer_lag_entries")})`;
  return [
    {
      name: "KVClusterMemberUnreachable",
      severity: "warning",
      expression: `${active} == 0`,
      after: "5m",
      summary: `The leader of ${title} does not reach {{ $labels.peer }}.`,
      description: "The member has not answered the leader for an election timeout or longer.",
    },
    {
      name: "KVClusterMemberLagging",
      severity: "warning",
      expression: `(${lag} > ${lagMax}) and on (peer) (${active} == 1)`,
      after: "10m",
      summary: `{{ $labels.peer }} of ${title} does not keep up.`,
      description:
        `It lacks {{ $value | humanize }} log entries (more than ${lagMax}). It is of no use if ` +
        "another node is lost, and when the log is trimmed it needs a whole snapshot.",
    },
    {
      name: "KVClusterMemberCorrupt",
      severity: "critical",
      expression: `${of("kvcluster_corrupt")} == 1`,
      after: "0s",
      summary: `{{ $labels.pod }} of ${title} is corrupt and serves nothing.`,
      description: "Its state has diverged from the others', or its disk is damaged.",
    },
  ];
}

export const consensusAlerts = (cluster: KVCluster): readonly Alert[] => [
  ...leaderAlerts(cluster),
  quorumAlert(cluster),
  ...memberAlerts(cluster),
];
