import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createRaft,
  encodeConfiguration,
  InvariantViolation,
  type RaftRestore,
  toNodeId,
} from "./index.ts";
import { defaultOptions, testMember } from "./test-cluster.test-kit.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";

const restore: RaftRestore = {
  id: toNodeId(1),
  hardState: { currentTerm: inTerm(4), votedFor: toNodeId(2) },
  compactedIndex: at(10),
  compactedTerm: inTerm(2),
  termRuns: [{ index: at(11), term: inTerm(3) }],
  lastIndex: at(20),
  appliedIndex: at(15),
  configuration: { members: [testMember(1)] },
  configurationIndex: at(1),
  configurationEntries: [],
};
const restored = (change: Partial<RaftRestore>): ReturnType<typeof createRaft> =>
  createRaft(defaultOptions, { ...restore, ...change }, () => 0);

test("a restored member is a follower that kept its term and vote", () => {
  const { role, term, votedFor, commitIndex, persistedIndex } = restored({}).status();
  assert.deepEqual(
    { role, term, votedFor, commitIndex, persistedIndex },
    {
      role: "follower",
      term: 4,
      votedFor: 2,
      commitIndex: 15,
      persistedIndex: 20,
    },
  );
});

test("a configuration that is in the log but not applied is in force", () => {
  const data = encodeConfiguration({ members: [testMember(1), testMember(16)] });
  const entry = { index: at(16), term: inTerm(3), type: "configuration", data } as const;
  const { configuration, configurationIndex } = restored({
    configurationEntries: [entry],
  }).status();
  assert.equal(configuration.members.length, 2);
  assert.equal(configurationIndex, 16);
});

test("what contradicts itself is refused", () => {
  assert.throws(() => restored({ appliedIndex: at(21) }), InvariantViolation);
  assert.throws(() => restored({ appliedIndex: at(9) }), InvariantViolation);
  const old = { currentTerm: inTerm(2), votedFor: null };
  assert.throws(() => restored({ hardState: old }), InvariantViolation);
  const options = { ...defaultOptions, electionTimeoutTicks: 1 };
  assert.throws(() => createRaft(options, restore, () => 0), InvariantViolation);
});

test("a member that is no voter of its own configuration never campaigns", () => {
  for (const members of [[], [testMember(1, "learner"), testMember(2)], [testMember(2)]]) {
    const raft = restored({ configuration: { members } });
    const effects = raft.step(Array.from({ length: 50 }, () => ({ type: "tick" as const })));
    assert.deepEqual(effects.messages, []);
    assert.equal(raft.status().role, "learner");
  }
});
