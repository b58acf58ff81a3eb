import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeConfiguration,
  type Input,
  InvariantViolation,
  type SnapshotMetadata,
  toNodeId,
} from "./index.ts";
import { defaultOptions, testMember } from "./test-cluster.test-kit.ts";
import { at, entry, inTerm } from "./test-entries.test-kit.ts";
import {
  acknowledgement,
  append,
  elect,
  loneMember,
  persist,
  proposals,
  received,
  ticks,
} from "./test-member.test-kit.ts";

test("reads that wait are bounded at the leader", () => {
  const raft = loneMember({ pendingReadsMax: 2 });
  elect(raft);
  const reads = [1, 2, 3].map((id): Input => ({ type: "readIndex", id }));
  const { rejected } = raft.step(reads);
  assert.deepEqual(
    rejected.map(({ id, reason }) => [id, reason]),
    [[3, "overloaded"]],
  );
  const request = {
    type: "readIndexRequest",
    from: toNodeId(3),
    to: toNodeId(1),
    batch: 9,
  } as const;
  const { messages } = raft.step([received({ ...request, term: inTerm(2) })]);
  const answers = messages.filter((message) => message.type === "readIndexResponse");
  assert.deepEqual(
    answers.map((m) => [m.batch, m.readIndex]),
    [[9, null]],
  );
});

test("reads that wait are bounded at a follower, and dropped when it has no leader", () => {
  const raft = loneMember({ pendingReadsMax: 2 });
  const reads = (from: number): Input[] =>
    [0, 1, 2].map((n): Input => ({ type: "readIndex", id: from + n }));
  assert.deepEqual(
    raft.step(reads(1)).rejected.map(({ reason }) => reason),
    ["readDropped", "readDropped", "readDropped"],
  );
  raft.step([received(append(1, [3, 1]))]);
  const { rejected } = raft.step(reads(4));
  assert.deepEqual(
    rejected.map(({ id, reason }) => [id, reason]),
    [[6, "overloaded"]],
  );
  const lost = raft.step(ticks(defaultOptions.electionTimeoutTicks));
  assert.deepEqual(
    lost.rejected.map(({ id, reason }) => [id, reason]),
    [
      [4, "readDropped"],
      [5, "readDropped"],
    ],
  );
});

test("a late answer to an earlier batch of reads serves no later one", () => {
  const raft = loneMember();
  raft.step([received(append(1, [3, 1]))]);
  raft.step([{ type: "readIndex", id: 1 }]);
  const answer = (batch: number, readIndex: number): Input =>
    received({
      type: "readIndexResponse",
      from: toNodeId(2),
      to: toNodeId(1),
      term: inTerm(1),
      batch,
      readIndex: at(readIndex),
    });
  assert.deepEqual(raft.step([answer(1, 3)]).reads, [{ id: 1, index: 3 }]);
  raft.step([{ type: "readIndex", id: 2 }]);
  assert.deepEqual(raft.step([answer(1, 3)]).reads, []);
  assert.deepEqual(raft.step([answer(2, 3)]).reads, [{ id: 2, index: 3 }]);
});

test("a delayed append removes nothing that follows it", () => {
  const raft = loneMember();
  const entries = [4, 5, 6].map((index) => entry(index, 1));
  raft.step([received(append(1, [3, 1], { entries }))]);
  const late = raft.step([received(append(1, [3, 1], { entries: entries.slice(0, 1) }))]);
  assert.equal(raft.status().lastIndex, 6);
  assert.equal(late.write, null);
});

test("a conflict with a committed entry is impossible", () => {
  const raft = loneMember();
  const entries = [4, 5].map((index) => entry(index, 1));
  raft.step([received(append(1, [3, 1], { entries, commit: 4 }))]);
  // Below the commit index nothing is compared: it is known to agree.
  raft.step([received(append(2, [3, 1], { entries: [entry(4, 2)] }))]);
  assert.equal(raft.term(at(4)), 1);
  // An entry after it may be replaced, and is, once.
  const effects = raft.step([received(append(2, [4, 1], { entries: [entry(5, 2)] }))]);
  assert.deepEqual(
    effects.write?.entries.map((one) => [one.index, one.term]),
    [[5, 2]],
  );
});

test("what only lost data or a bug can bring crashes the process", () => {
  const heartbeat = {
    type: "heartbeat",
    from: toNodeId(2),
    to: toNodeId(1),
    readSequence: 0,
  } as const;
  const beyond = { ...heartbeat, term: inTerm(1), leaderCommit: at(9) };
  assert.throws(() => loneMember().step([received(beyond)]), InvariantViolation);
  const gap = append(1, [3, 1], { entries: [entry(4, 1), entry(6, 1)] });
  assert.throws(() => loneMember().step([received(gap)]), InvariantViolation);
  const leader = loneMember();
  elect(leader);
  assert.throws(() => leader.step([received(append(2, [3, 1]))]), /both lead term 2/);
  assert.throws(() => leader.step([received(acknowledgement(2, 2, 99))]), InvariantViolation);
  assert.throws(() => leader.step([{ type: "applied", index: at(99) }]), InvariantViolation);
});

test("a message for another node, as after a wipe, is ignored altogether", () => {
  const raft = loneMember();
  const before = raft.status();
  const effects = raft.step([received(append(9, [3, 1], { to: 7 }))]);
  assert.deepEqual(raft.status(), before);
  assert.deepEqual([effects.messages, effects.messagesAfterWrite, effects.write], [[], [], null]);
});

test("heartbeats never tell a commit index beyond what the follower holds", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  const { messages } = raft.step(ticks(1));
  const told = messages.flatMap((m) => (m.type === "heartbeat" ? [[m.to, m.leaderCommit]] : []));
  assert.deepEqual(told, [
    [2, 4],
    [3, 0],
  ]);
});

test("entries read from the store are sent if they still fit, else forgotten", () => {
  const raft = loneMember({ cacheBytesMax: 1 });
  elect(raft);
  raft.step(proposals(3, 100));
  const asked = raft.step([received(acknowledgement(2, 2, 4))]).entriesToRead;
  assert.deepEqual(
    asked.map(({ to, from, toIndex }) => [to, from, toIndex]),
    [[2, 5, 7]],
  );
  const answer = (entries: ReturnType<typeof entry>[]): Input => ({
    type: "entriesRead",
    to: toNodeId(2),
    entries,
  });
  const wrong = raft.step([answer([entry(5, 1)])]);
  assert.deepEqual(wrong.messages, []);
  assert.equal(wrong.entriesToRead.length, 1);
  const right = raft.step([answer([entry(5, 2), entry(6, 2)])]);
  assert.deepEqual(
    right.messages.map((m) =>
      m.type === "appendEntries" ? m.entries.map(({ index }) => index) : [],
    ),
    // The rest is in the cache.
    [[5, 6], [7]],
  );
  const unasked = raft.step([answer([entry(8, 2)])]);
  assert.deepEqual(unasked.messages, []);
});

test("a store that has nothing to read is asked again only when the follower is heard from", () => {
  const raft = loneMember({ cacheBytesMax: 1 });
  elect(raft);
  raft.step(proposals(3, 100));
  raft.step([received(acknowledgement(2, 2, 4))]);
  const empty: Input = { type: "entriesRead", to: toNodeId(2), entries: [] };
  assert.deepEqual(raft.step([empty]).entriesToRead, []);
  const alive = {
    type: "heartbeatResponse",
    from: toNodeId(2),
    to: toNodeId(1),
    readSequence: 0,
  } as const;
  assert.equal(raft.step([received({ ...alive, term: inTerm(2) })]).entriesToRead.length, 1);
});

const snapshotAt = (index: number, term: number): SnapshotMetadata => ({
  index: at(index),
  term: inTerm(term),
  configuration: { members: [testMember(1), testMember(2), testMember(9, "learner")] },
  configurationIndex: at(9),
});

test("an installed snapshot replaces a log that lacks its last entry, learners included", () => {
  const raft = loneMember();
  raft.step([received(append(2, [3, 1], { entries: [entry(4, 1), entry(5, 1)] }))]);
  const effects = raft.step([{ type: "snapshotInstalled", snapshot: snapshotAt(20, 2) }]);
  const { lastIndex, firstIndex, commitIndex, persistedIndex, configuration } = raft.status();
  assert.deepEqual([lastIndex, firstIndex, commitIndex, persistedIndex], [20, 21, 20, 20]);
  assert.deepEqual(
    configuration.members.map(({ id, role }) => [id, role]),
    [
      [1, "voter"],
      [2, "voter"],
      [9, "learner"],
    ],
  );
  const [answer] = effects.messagesAfterWrite;
  assert.ok(answer?.type === "appendEntriesResponse" && answer.matchIndex === 20);
});

test("an installed snapshot that the log contains leaves what follows it", () => {
  const raft = loneMember();
  const entries = [4, 5, 6, 7].map((index) => entry(index, 1));
  raft.step([received(append(1, [3, 1], { entries }))]);
  raft.step([
    { type: "snapshotInstalled", snapshot: { ...snapshotAt(5, 1), configurationIndex: at(5) } },
  ]);
  const { lastIndex, firstIndex, commitIndex } = raft.status();
  assert.deepEqual([lastIndex, firstIndex, commitIndex], [7, 6, 5]);
});

test("a snapshot at or below the commit index is ignored and acknowledged with that index", () => {
  const raft = loneMember();
  const entries = [4, 5, 6].map((index) => entry(index, 1));
  raft.step([received(append(1, [3, 1], { entries, commit: 6 }))]);
  const message = {
    type: "installSnapshot",
    from: toNodeId(2),
    to: toNodeId(1),
    term: inTerm(1),
    snapshot: snapshotAt(5, 1),
  } as const;
  for (const input of [
    received(message),
    { type: "snapshotInstalled", snapshot: snapshotAt(5, 1) } as const,
  ]) {
    const [answer] = raft.step([input]).messagesAfterWrite;
    assert.ok(answer?.type === "appendEntriesResponse" && answer.success);
    assert.equal(answer.matchIndex, 6);
    assert.equal(raft.status().configuration.members.length, 3);
  }
});

test("nobody campaigns before a committed change of the members is applied here", () => {
  const raft = loneMember();
  const data = encodeConfiguration({ members: [testMember(1), testMember(2)] });
  const change = { ...entry(4, 1), type: "configuration", data } as const;
  raft.step([received(append(1, [3, 1], { entries: [change], commit: 4 }))]);
  assert.deepEqual(raft.step(ticks(30)).messages, []);
  raft.step([{ type: "applied", index: at(4) }]);
  const { messages } = raft.step(ticks(10));
  assert.deepEqual(
    messages.map((m) => m.type),
    ["requestPreVote"],
  );
});

test("a TimeoutNow that comes with the commit of a change is carried out after its apply", () => {
  const raft = loneMember();
  const data = encodeConfiguration({ members: [testMember(1), testMember(3)] });
  const change = { ...entry(4, 1), type: "configuration", data } as const;
  const timeoutNow = {
    type: "timeoutNow",
    from: toNodeId(2),
    to: toNodeId(1),
    term: inTerm(1),
  } as const;
  const early = raft.step([
    received(append(1, [3, 1], { entries: [change], commit: 4 })),
    received(timeoutNow),
  ]);
  assert.deepEqual(
    early.messagesAfterWrite.map((m) => m.type),
    ["appendEntriesResponse"],
  );
  const later = raft.step([{ type: "applied", index: at(4) }]);
  const [vote] = later.messagesAfterWrite;
  assert.ok(vote?.type === "requestVote" && vote.leadershipTransfer);
});

test("a TimeoutNow waits until the last of several committed changes is applied", () => {
  const raft = loneMember();
  const changes = [2, 1].map((learners, n) => {
    const others = [testMember(1), testMember(2), testMember(3)].slice(0, 1 + learners);
    const data = encodeConfiguration({ members: others });
    return { ...entry(4 + n, 1), type: "configuration", data } as const;
  });
  raft.step([
    received(append(1, [3, 1], { entries: changes, commit: 5 })),
    received({ type: "timeoutNow", from: toNodeId(2), to: toNodeId(1), term: inTerm(1) }),
  ]);
  assert.deepEqual(raft.step([{ type: "applied", index: at(4) }]).messagesAfterWrite, []);
  const [vote] = raft.step([{ type: "applied", index: at(5) }]).messagesAfterWrite;
  assert.equal(vote?.type, "requestVote");
});

test("a TimeoutNow from anyone but the leader is ignored", () => {
  const raft = loneMember();
  raft.step([received(append(1, [3, 1]))]);
  const timeoutNow = {
    type: "timeoutNow",
    from: toNodeId(3),
    to: toNodeId(1),
    term: inTerm(1),
  } as const;
  raft.step([received(timeoutNow)]);
  assert.equal(raft.status().role, "follower");
});

test("steps cost no more with a long log", () => {
  const raft = loneMember({ cacheBytesMax: 64 * 1024 });
  elect(raft);
  for (let round = 0; round < 500; round += 1) {
    raft.step(proposals(100, 64));
    persist(raft);
    const last = raft.status().lastIndex;
    raft.step([received(acknowledgement(2, 2, last)), received(acknowledgement(3, 2, last))]);
  }
  assert.equal(raft.status().commitIndex, 50_004);
  assert.equal(raft.termRuns().length, 1);
});
