/** Historic bugs of membership changes. */
import { byGolden, type Mutant } from "./mutant.test-kit.ts";

const CHURN = { votersWanted: 3, machines: 5, churnEveryUs: 200_000 } as const;

export const membershipBugs: readonly Mutant[] = [
  {
    bug: "a node campaigns with a committed membership change that it has not applied",
    seenIn: "etcd #7280",
    edits: [
      {
        file: "raft/election.ts",
        find: "  if (configurations.hasChangeIn(lastApplied, commitIndex)) return false;\n",
        replace: "",
      },
    ],
    caughtBy: byGolden("campaign waits for an unapplied change of the members"),
  },
  {
    bug: "a change of the members before an entry of the term is committed",
    seenIn: "Ongaro, raft-dev 2015",
    edits: [
      {
        file: "raft/membership.ts",
        find: "  if (!hasCommittedInTerm(node, leadership)) {",
        replace: "  if (!hasCommittedInTerm(node, leadership) && node.ticks < 0) {",
      },
    ],
    caughtBy: byGolden("changes one at a time and not before the first commit"),
  },
  {
    bug: "a second change while one is not committed",
    seenIn: "thesis §4.1",
    edits: [
      {
        file: "raft/membership.ts",
        find: "  if (node.configurations.index > node.commitIndex) {",
        replace: "  if (node.configurations.index < 0) {",
      },
    ],
    caughtBy: byGolden("changes one at a time and not before the first commit"),
  },
  {
    bug: "a truncation leaves an uncommitted configuration in force",
    seenIn: "thesis §4.1",
    edits: [
      {
        file: "raft/append.ts",
        find: "  node.configurations.truncateFrom(entry.index);\n",
        replace: "",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [
        "no crash without a cause",
        "members by the log",
        "commit what a majority holds durably",
      ],
      scenario: { ...CHURN, faults: ["isolate", "split"], faultEveryUs: 200_000 },
      seedsMax: 60,
    },
  },
  {
    bug: "an uncommitted change of the members is forgotten over a restart",
    seenIn: "thesis §4.1",
    edits: [
      {
        file: "storage/recovery.ts",
        find: "configurationEntries: log.configurationsAfter(appliedIndex),",
        replace: "configurationEntries: [],",
      },
    ],
    caughtBy: {
      suite: "simulation",
      // The members of a new cluster are such a change: it is not born.
      promises: ["progress", "members by the log", "commit what a majority holds durably"],
      scenario: { ...CHURN, faults: ["crash", "crashAll"], faultEveryUs: 200_000 },
      seedsMax: 30,
    },
  },
  {
    bug: "learners and removed members count for a commit",
    seenIn: "thesis §4.2.1",
    edits: [
      {
        file: "raft/replication.ts",
        find:
          "  const index = quorumIndex(node.configurations.voters, (id) => " +
          "durableOn(node, leadership, id));\n",
        replace:
          "  const durable = (id: NodeId): LogIndex => durableOn(node, leadership, id);\n" +
          "  const { voters } = node.configurations;\n" +
          "  const all = [...new Set([...voters, ...leadership.peers.keys()])];\n" +
          "  const [one, other] = [voters, all].map((ids) =>\n" +
          "    quorumIndex(ids, durable),\n  ) as [LogIndex, LogIndex];\n" +
          "  const index = one > other ? one : other;\n",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["commit what a majority holds durably"],
      scenario: {
        votersWanted: 3,
        machines: 5,
        churnEveryUs: 200_000,
        faults: ["crash", "isolate"],
        faultEveryUs: 200_000,
      },
      seedsMax: 60,
    },
  },
  {
    bug: "learners vote and campaign",
    seenIn: "thesis §4.2.1",
    edits: [
      {
        file: "raft/configuration-history.ts",
        find: 'configuration.members.filter((member) => member.role === "voter").map(',
        replace: "configuration.members.map(",
      },
    ],
    caughtBy: byGolden("automatic promotion"),
  },
  {
    bug: "a node outside of the configuration campaigns",
    seenIn: "thesis §4.2.3",
    edits: [
      {
        file: "raft/election.ts",
        find:
          "  return configurations.isVoter(node.id) || " +
          "configurations.isVoterAt(node.id, commitIndex);",
        replace: "  return configurations.voters.length > 0;",
      },
    ],
    caughtBy: byGolden("remove a follower"),
  },
  {
    bug: "a removed leader goes on leading",
    seenIn: "thesis §4.2.2",
    edits: [
      {
        file: "raft/membership.ts",
        find:
          "  if (configurations.isVoter(node.id) || " +
          "configurations.index > node.commitIndex) return;",
        replace: "  if (configurations.index >= 0) return;",
      },
    ],
    caughtBy: byGolden("remove the leader"),
  },
  {
    bug: "a change is taken that leaves no live majority of voters",
    seenIn: "etcd, strict reconfiguration check",
    edits: [
      {
        file: "raft/membership.ts",
        find: "  if (changesVoters(change) && !hasQuorum(",
        replace: "  if (voters.length === 0 && !hasQuorum(",
      },
    ],
    caughtBy: byGolden("invalid changes are refused"),
  },
  {
    bug: "a message for a wiped node's former self is handled",
    seenIn: "openraft FAQ",
    edits: [
      {
        file: "raft/admission.ts",
        find: "  if (message.to !== node.id || message.from === node.id) return false;\n",
        replace: "",
      },
    ],
    caughtBy: byGolden("removed and wiped node that comes back"),
  },
  {
    bug: "a wiped node comes back under its old id",
    seenIn: "openraft FAQ",
    edits: [],
    caughtBy: {
      suite: "simulation",
      promises: ["what is durable stays", "one vote per term", "term and vote survive"],
      scenario: {
        votersWanted: 5,
        machines: 5,
        churnEveryUs: 0,
        faults: ["loseVolume"],
        wipedKeepTheirId: true,
      },
      seedsMax: 10,
    },
  },
];
