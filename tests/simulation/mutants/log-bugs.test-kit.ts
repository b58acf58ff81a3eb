/** Historic bugs of the log, of commit and of linearizable reads. */
import { calmWeather } from "../scenario.test-kit.ts";
import { byGolden, byPaper, FIVE, type Mutant, ROUGH, THREE } from "./mutant.test-kit.ts";

const STALE_READS = ["linearizable reads", "answers follow real time"] as const;
/**
 * Clocks that run apart, which is what a lease would rely on: a leader that is cut off believes in
 * itself for long, and busy clients ask it meanwhile.
 */
const APART = {
  ...THREE,
  clients: 8,
  thinkUs: 2_000,
  keys: 3,
  faults: ["isolate"],
  faultEveryUs: 600_000,
  churnEveryUs: 0,
  transferEveryUs: 0,
  diskUs: 100,
  clockSkew: 0.8,
  weather: { ...calmWeather, latencyUs: 200 },
} as const;

export const logBugs: readonly Mutant[] = [
  {
    bug: "a read is served before the first commit of the term",
    seenIn: "etcd #7331",
    edits: [
      {
        file: "raft/read-index.ts",
        find: "  if (!hasCommittedInTerm(node, leadership)) return;\n",
        replace: "",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: STALE_READS,
      scenario: { ...THREE, faults: ["crash", "isolate"] },
      seedsMax: 40,
    },
  },
  {
    bug: "a leader serves reads without asking a quorum",
    seenIn: "thesis §6.4; by a lease, TiKV #1593",
    edits: [
      {
        file: "raft/read-index.ts",
        find: "  if (!hasQuorum(node.configurations.voters, hasConfirmed)) return false;\n",
        replace: "  if (!hasConfirmed(node.id)) return false;\n",
      },
    ],
    caughtBy: { suite: "simulation", promises: STALE_READS, scenario: APART, seedsMax: 20 },
  },
  {
    bug: "a late answer to an earlier round confirms a read",
    seenIn: "etcd #20418, raft #397",
    edits: [
      {
        file: "raft/read-index.ts",
        find:
          "  if (peer === undefined || message.readSequence <= peer.readSequence) return;\n" +
          "  peer.readSequence = message.readSequence;\n",
        replace: "  if (peer === undefined) return;\n  peer.readSequence = node.readSequence;\n",
      },
    ],
    caughtBy: byGolden("read index across a leader change"),
  },
  {
    bug: "a read is served before the node has applied its read index",
    seenIn: "thesis §6.4",
    edits: [
      {
        file: "replica/read-barriers.ts",
        find: "      if (granted.index > appliedIndex) later.push(granted);\n",
        replace: "      if (granted.index > appliedIndex + 1e9) later.push(granted);\n",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: STALE_READS,
      scenario: { ...THREE, faults: [] },
      seedsMax: 5,
    },
  },
  {
    bug: "an entry of an older term is committed by counting",
    seenIn: "Raft Figure 8",
    edits: [
      {
        file: "raft/replication.ts",
        find: " || node.log.term(index) !== node.currentTerm) return;",
        replace: ") return;",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["commit by counting only one's own term", "state machine safety"],
      scenario: { ...FIVE, faults: ["crash", "isolate", "split"] },
      seedsMax: 40,
    },
  },
  {
    bug: "a follower commits beyond what the leader's message showed to agree",
    seenIn: "Raft Figure 2, min(leaderCommit, last new entry)",
    edits: [
      {
        file: "raft/append.ts",
        find: "  commitTo(node, lowerIndex(message.leaderCommit, lastNew));",
        replace: "  commitTo(node, lowerIndex(message.leaderCommit, node.log.lastIndex));",
      },
    ],
    caughtBy: byPaper(
      "§5.3: a follower commits min(leaderCommit, last new entry), though its log is longer",
    ),
  },
  {
    bug: "a heartbeat commits beyond what the follower is known to hold",
    seenIn: "etcd-io/raft",
    edits: [
      {
        file: "raft/heartbeat.ts",
        find: "  const leaderCommit = lowerIndex(peer.matchIndex, node.commitIndex);",
        replace: "  const leaderCommit = lowerIndex(node.commitIndex, node.commitIndex);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["state machine safety", "no crash without a cause", "commit only what is held"],
      scenario: { ...THREE, faults: ["crash", "isolate"] },
      seedsMax: 20,
    },
  },
  {
    bug: "a question of the leader tells a commit, which is not answered",
    seenIn: "this repository",
    edits: [
      {
        file: "raft/replication.ts",
        find: "  const leaderCommit = isQuestion ? toLogIndex(0) : node.commitIndex;",
        replace: "  const leaderCommit = node.commitIndex;",
      },
    ],
    caughtBy: byGolden("lost acknowledgement is asked for"),
  },
  {
    bug: "a late append cuts entries that were acknowledged",
    seenIn: "openraft, async-raft",
    edits: [
      {
        file: "raft/append.ts",
        find: "      if (node.log.term(entry.index) === entry.term) continue;\n",
        replace: "",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [
        "acknowledge only what is durable",
        "commit what a majority holds durably",
        "leader completeness",
        // The core's own assertion: a leader's commit index is after the end of the log.
        "no crash without a cause",
      ],
      scenario: { ...THREE, faults: ["storm"], weather: ROUGH },
      seedsMax: 10,
    },
  },
  {
    bug: "the end of an old write marks overwritten entries durable (append-ack ABA)",
    seenIn: "etcd-io/raft, asynchronous storage writes",
    edits: [
      {
        file: "raft/pending-writes.ts",
        find: "write.proves = lowerIndex(write.proves, last);",
        replace: "write.proves = lowerIndex(write.proves, write.index);",
      },
    ],
    caughtBy: byGolden("append ack aba race"),
  },
  {
    bug: "votes and acknowledgements leave before the write is durable",
    seenIn: "Raft §5.1, hashicorp/raft #661",
    edits: [
      {
        file: "replica/log-writer.ts",
        find: "    this.#inFlight.push({ write, startedAtMs, messages });",
        replace:
          "    this.#sendAll(messages);\n" +
          "    this.#inFlight.push({ write, startedAtMs, messages: [] });",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["vote only after the write", "acknowledge only what is durable"],
      scenario: { votersWanted: 3, machines: 3 },
      seedsMax: 5,
    },
  },
  {
    bug: "a single node acknowledges before its write is durable",
    seenIn: "etcd #14370",
    edits: [
      {
        file: "replica/log-writer.ts",
        find: "    this.#store.append(write, () => this.#completed());",
        replace:
          "    this.#store.append(write, () => this.#completed());\n" +
          "    this.#handlers.persisted(write);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["commit what a majority holds durably"],
      scenario: {},
      seedsMax: 5,
    },
  },
];
