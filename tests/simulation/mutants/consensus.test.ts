/** Historic bugs of consensus (raft-pitfalls), put back into a copy of node/src/raft. */
import { test } from "node:test";
import { assertCaught } from "./mutant.test-kit.ts";

const THREE = { votersWanted: 3, machines: 3, clients: 4, thinkUs: 5_000 } as const;
const FIVE = { votersWanted: 5, machines: 5, clients: 3, thinkUs: 20_000 } as const;

/** Nothing arrives when it should. */
const ROUGH = {
  loss: 0.1,
  duplication: 0.3,
  reorder: 0.4,
  detourUs: 1_000_000,
  latencyUs: 20_000,
  streamBreak: 0,
  chunkDamage: 0,
};

test("a read is served before the first commit of the term (etcd #7331)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/read-index.ts",
        find: "  if (!hasCommittedInTerm(node, leadership)) return;\n",
        replace: "",
      },
    ],
    scenario: { ...THREE, faults: ["crash", "isolate"] },
    caughtBy: ["linearizable reads", "answers follow real time"],
    seedsMax: 40,
  }));

test("a deposed leader serves reads without asking a quorum", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/read-index.ts",
        find: "  if (!hasQuorum(node.configurations.voters, hasConfirmed)) return false;\n",
        replace: "  if (!hasConfirmed(node.id)) return false;\n",
      },
    ],
    // Clocks that run apart: what a lease would rely on.
    scenario: { ...THREE, faults: ["isolate"], clockSkew: 0.5 },
    caughtBy: ["linearizable reads", "answers follow real time"],
    seedsMax: 20,
  }));

test("an entry of an older term is committed by counting (Figure 8)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/replication.ts",
        find: " || node.log.term(index) !== node.currentTerm) return;",
        replace: ") return;",
      },
    ],
    scenario: { ...FIVE, faults: ["crash", "isolate", "split"] },
    caughtBy: ["commit by counting only one's own term", "state machine safety"],
    seedsMax: 40,
  }));

test("a vote is forgotten over a restart", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/restore.ts",
        find: "votedFor: restore.hardState.votedFor,",
        replace: "votedFor: null,",
      },
    ],
    scenario: { ...FIVE, faults: ["crash", "crashAll"], faultEveryUs: 200_000 },
    caughtBy: ["one vote per term", "election safety"],
    seedsMax: 60,
  }));

test("stepping down within a term clears the vote (CCF #8094)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/roles.ts",
        find: "    node.votedFor = null;\n  }\n  if (node.leadership",
        replace: "  }\n  node.votedFor = null;\n  if (node.leadership",
      },
    ],
    scenario: { ...FIVE, faults: ["crashAll", "isolate"], faultEveryUs: 400_000, weather: ROUGH },
    caughtBy: ["one vote per term", "no crash without a cause", "election safety"],
    firstSeed: 11,
    seedsMax: 60,
  }));

test("a truncation leaves an uncommitted configuration in force", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/append.ts",
        find: "  node.configurations.truncateFrom(entry.index);\n",
        replace: "",
      },
    ],
    scenario: {
      votersWanted: 3,
      machines: 5,
      churnEveryUs: 200_000,
      faults: ["isolate", "split"],
      faultEveryUs: 200_000,
    },
    caughtBy: [
      "no crash without a cause",
      "members by the log",
      "commit what a majority holds durably",
    ],
    seedsMax: 60,
  }));

test("a late append cuts entries that were acknowledged (openraft)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/append.ts",
        find: "      if (node.log.term(entry.index) === entry.term) continue;\n",
        replace: "",
      },
    ],
    scenario: { ...THREE, faults: ["storm"], weather: ROUGH },
    caughtBy: [
      "acknowledge only what is durable",
      "commit what a majority holds durably",
      "leader completeness",
    ],
    seedsMax: 10,
  }));

test("a lone voter tells of its term before its own vote is durable", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "raft/heartbeat.ts",
        find: "if (leadershipOf(node).isVoteDurable) node",
        replace: "if (leadershipOf(node).isVoteDurable || node.id > 0) node",
      },
    ],
    scenario: {
      votersWanted: 2,
      machines: 3,
      churnEveryUs: 300_000,
      faults: ["crash", "crashAtWrite", "failedSync"],
      faultEveryUs: 200_000,
    },
    caughtBy: ["log matching", "election safety", "state machine safety"],
    firstSeed: 46,
    seedsMax: 100,
  }));
