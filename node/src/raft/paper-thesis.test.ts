/**
 * The rules of the thesis that go beyond the paper, one by one: "Consensus: Bridging Theory and
 * Practice" (Ongaro 2014).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effects, toNodeId } from "./index.ts";
import {
  ledCluster,
  peers,
  propose,
  requestPreVote,
  requestVote,
  T,
  typesOf,
  voteOf,
} from "./paper.test-kit.ts";
import { inTerm } from "./test-entries.test-kit.ts";
import {
  acknowledgement,
  append,
  elect,
  loneMember,
  persist,
  received,
  ticks,
} from "./test-member.test-kit.ts";

// ── thesis §3.10 Leadership transfer

test("§3.10: TimeoutNow only once the target has the whole log; no proposals meanwhile", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  raft.step([{ type: "propose", id: 1, data: new Uint8Array(1) }]);
  const begun = raft.step([{ type: "transferLeadership", id: 2, target: toNodeId(2) }]);
  assert.ok(!typesOf(begun.messages).includes("timeoutNow"));
  assert.equal(raft.status().transferTarget, 2);
  const refused = raft.step([{ type: "propose", id: 3, data: new Uint8Array(1) }]);
  assert.equal(refused.rejected[0]?.reason, "leaderNotReady");
  const done = raft.step([received(acknowledgement(2, 2, 5))]);
  assert.ok(typesOf(done.messages).includes("timeoutNow"));
});

// ── thesis §4 Cluster membership changes

test("§4.1: a configuration is in force as soon as it is appended", () => {
  const cluster = ledCluster(3);
  cluster.cut.add("1->2").add("1->3");
  cluster.step(1, [
    { type: "changeMembership", id: 1, change: { type: "remove", nodeId: toNodeId(3) } },
  ]);
  assert.equal(cluster.status(1).configuration.members.length, 2);
  assert.equal(cluster.status(1).commitIndex, 4);
});

test("§4.2.1: a learner receives the log and counts for no majority", () => {
  const cluster = ledCluster(2, 1);
  cluster.cut.add("1->2");
  propose(cluster, 1, "x");
  cluster.stabilize();
  assert.equal(cluster.status(3).lastIndex, 5);
  assert.equal(cluster.status(1).commitIndex, 4);
});

test("§4.2.2: a leader that is removed does not count itself", () => {
  const cluster = ledCluster(3);
  cluster.cut.add("1->3");
  cluster.step(1, [
    { type: "changeMembership", id: 1, change: { type: "remove", nodeId: toNodeId(1) } },
  ]);
  cluster.stabilize();
  // Of voters 2 and 3 only node 2 has the entry, beside the leader itself.
  assert.equal(cluster.status(1).commitIndex, 4);
  assert.equal(cluster.status(1).role, "leader");
});

test("§4.2.3: a server that hears its leader ignores other candidates", () => {
  const raft = loneMember();
  raft.step([received(append(2, [3, 1]))]);
  assert.equal(voteOf(raft.step([received(requestVote(9, [99, 9], 3))])), undefined);
  assert.equal(raft.status().term, 2);
  raft.step(ticks(T));
  assert.equal(voteOf(raft.step([received(requestVote(9, [99, 9], 3))])), true);
});

// ── thesis §6 Client interaction

test("§6.2: a leader that no majority answers for an election timeout steps down", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  raft.step(ticks(T));
  assert.equal(raft.status().role, "leader");
  raft.step(ticks(1));
  assert.deepEqual([raft.status().role, raft.status().term], ["follower", 2]);
});

test("§6.4: a read waits for a round of heartbeats that began after it", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  const confirm = (readSequence: number): Effects =>
    raft.step([received({ type: "heartbeatResponse", ...peers, term: inTerm(2), readSequence })]);
  const asked = raft.step([{ type: "readIndex", id: 1 }]);
  assert.deepEqual(typesOf(asked.messages), ["heartbeat", "heartbeat"]);
  assert.deepEqual(confirm(0).reads, []);
  assert.deepEqual(confirm(1).reads, [{ id: 1, index: 4 }]);
  raft.step([{ type: "readIndex", id: 2 }]);
  assert.deepEqual(confirm(1).reads, []);
  assert.deepEqual(confirm(2).reads, [{ id: 2, index: 4 }]);
});

test("§6.4: no read is served before the leader has committed in its term", () => {
  const raft = loneMember();
  elect(raft);
  assert.deepEqual(raft.step([{ type: "readIndex", id: 1 }]).messages, []);
  const committed = raft.step([received(acknowledgement(2, 2, 4))]);
  assert.ok(typesOf(committed.messages).includes("heartbeat"));
});

// ── thesis §9.6 PreVote

test("§9.6: a pre-vote changes neither term nor vote of anybody", () => {
  const raft = loneMember();
  const effects = raft.step([received(requestPreVote(2, [3, 1]))]);
  assert.equal(voteOf(effects), true);
  assert.equal(effects.write, null);
  assert.deepEqual([raft.status().term, raft.status().votedFor], [1, null]);
  const asking = loneMember();
  assert.equal(asking.step(ticks(T)).write, null);
  assert.equal(asking.status().term, 1);
});

test("§9.6: no pre-vote while a leader is heard", () => {
  const raft = loneMember();
  raft.step([received(append(1, [3, 1]))]);
  assert.equal(voteOf(raft.step([received(requestPreVote(2, [99, 1]))])), false);
});

// ── thesis §10.2.1 Writing to the leader's disk in parallel

test("§10.2.1: the leader sends before its own write ends, and counts itself only after", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4)), received(acknowledgement(3, 2, 4))]);
  const { messages, write } = raft.step([{ type: "propose", id: 1, data: new Uint8Array(1) }]);
  assert.equal(write?.entries.length, 1);
  assert.deepEqual(typesOf(messages), ["appendEntries", "appendEntries"]);
  raft.step([received(acknowledgement(2, 2, 5))]);
  assert.equal(raft.status().commitIndex, 4);
  persist(raft);
  assert.equal(raft.status().commitIndex, 5);
});

test("§10.2.1: an entry may be committed before the leader itself has it on disk", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([{ type: "propose", id: 1, data: new Uint8Array(1) }]);
  raft.step([received(acknowledgement(2, 2, 5)), received(acknowledgement(3, 2, 5))]);
  assert.deepEqual([raft.status().commitIndex, raft.status().persistedIndex], [5, 4]);
});
