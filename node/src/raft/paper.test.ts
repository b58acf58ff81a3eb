/**
 * The rules of the paper, one by one. § is a section of "In Search of an Understandable Consensus
 * Algorithm (Extended Version)" (Ongaro & Ousterhout 2014). The thesis has a file of its own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effects, type Input, type Raft, toNodeId } from "./index.ts";
import {
  candidate,
  ledCluster,
  peers,
  propose,
  requestPreVote,
  requestVote,
  T,
  typesOf,
  voteOf,
} from "./paper.test-kit.ts";
import { TestCluster, testMember } from "./test-cluster.test-kit.ts";
import { at, entry, inTerm } from "./test-entries.test-kit.ts";
import {
  acknowledgement,
  append,
  elect,
  loneMember,
  received,
  ticks,
} from "./test-member.test-kit.ts";

// ── §5.1 Raft basics

test("§5.1: any role adopts a later term and becomes a follower of it", () => {
  const leader = loneMember();
  elect(leader);
  for (const raft of [loneMember(), candidate(), leader]) {
    raft.step([received(append(7, [3, 1]))]);
    const { role, term, leader: followed } = raft.status();
    assert.deepEqual([role, term, followed], ["follower", 7, 2]);
  }
});

test("§5.1: a request of an earlier term is refused, with the current term", () => {
  const raft = loneMember({}, { hardState: { currentTerm: inTerm(5), votedFor: null } });
  const { messages } = raft.step([received(append(4, [3, 1], { entries: [entry(4, 4)] }))]);
  assert.equal(raft.status().lastIndex, 3);
  const [answer] = messages;
  assert.ok(answer?.type === "appendEntriesResponse" && !answer.success && answer.term === 5);
  assert.equal(voteOf(raft.step([received(requestVote(4, [9, 4]))])), undefined);
  assert.equal(raft.status().votedFor, null);
});

test("§5.1: term and vote are written before the vote leaves, both in one write", () => {
  const { write, messages, messagesAfterWrite } = loneMember().step([
    received(requestVote(2, [3, 1])),
  ]);
  assert.deepEqual(write?.hardState, { currentTerm: 2, votedFor: 2 });
  assert.deepEqual(messages, []);
  assert.deepEqual(typesOf(messagesAfterWrite), ["requestVoteResponse"]);
});

// ── §5.2 Leader election

test("§5.2: servers start as followers, and remain so while they hear a leader", () => {
  const raft = loneMember();
  assert.equal(raft.status().role, "follower");
  for (let n = 0; n < 5 * T; n += 1) {
    raft.step([...ticks(1), received(append(1, [3, 1]))]);
    assert.equal(raft.status().role, "follower");
  }
});

test("§5.2: a follower that hears nothing for an election timeout campaigns", () => {
  const raft = loneMember();
  assert.deepEqual(raft.step(ticks(T - 1)).messages, []);
  assert.deepEqual(typesOf(raft.step(ticks(1)).messages), ["requestPreVote", "requestPreVote"]);
});

test("§5.2: a candidate raises the term, votes for itself and asks all other voters", () => {
  const raft = loneMember();
  raft.step(ticks(T));
  const { write, messages, messagesAfterWrite } = raft.step([
    received({ type: "requestPreVoteResponse", ...peers, term: inTerm(2), voteGranted: true }),
  ]);
  assert.deepEqual(write?.hardState, { currentTerm: 2, votedFor: 1 });
  assert.deepEqual(messages, []);
  assert.deepEqual(
    messagesAfterWrite.map(({ type, to }) => [type, to]),
    [
      ["requestVote", 2],
      ["requestVote", 3],
    ],
  );
});

test("§5.2: an election is won by a majority, lost or open otherwise", () => {
  const outcomes: [size: number, granted: number, refused: number, role: string][] = [
    [3, 1, 0, "leader"],
    [3, 0, 2, "follower"],
    [3, 0, 1, "candidate"],
    [5, 2, 0, "leader"],
    [5, 1, 2, "candidate"],
    [5, 1, 3, "follower"],
  ];
  for (const [size, granted, refused, role] of outcomes) {
    const members = Array.from({ length: size }, (_, n) => testMember(n + 1));
    const raft = loneMember({}, { configuration: { members } });
    raft.step(ticks(T));
    const answer = (
      type: "requestPreVoteResponse" | "requestVoteResponse",
      id: number,
      vote: boolean,
    ): Input =>
      received({ type, from: toNodeId(id), to: toNodeId(1), term: inTerm(2), voteGranted: vote });
    for (let id = 2; id <= size; id += 1) raft.step([answer("requestPreVoteResponse", id, true)]);
    for (let n = 0; n < granted + refused; n += 1) {
      raft.step([answer("requestVoteResponse", n + 2, n < granted)]);
    }
    assert.equal(raft.status().role, role, `${size} servers, ${granted} for, ${refused} against`);
  }
});

test("§5.2: one vote per term, first come, first served", () => {
  const raft = loneMember();
  assert.equal(voteOf(raft.step([received(requestVote(2, [3, 1], 2))])), true);
  assert.equal(voteOf(raft.step([received(requestVote(2, [9, 1], 3))])), false);
  // The same candidate may ask again: its answer may have been lost.
  assert.equal(voteOf(raft.step([received(requestVote(2, [3, 1], 2))])), true);
});

test("§5.2: a vote survives a restart", () => {
  const raft = loneMember({}, { hardState: { currentTerm: inTerm(2), votedFor: toNodeId(3) } });
  assert.equal(voteOf(raft.step([received(requestVote(2, [3, 1], 2))])), false);
});

test("§5.2: stepping down within a term keeps its vote", () => {
  const raft = candidate();
  raft.step([received(append(2, [3, 1]))]);
  assert.equal(raft.status().role, "follower");
  assert.equal(raft.status().votedFor, 1);
});

test("§5.2: a candidate follows the leader of its own term", () => {
  const raft = candidate();
  raft.step([received(append(2, [3, 1]))]);
  assert.deepEqual([raft.status().role, raft.status().leader], ["follower", 2]);
});

test("§5.2: election timeouts are drawn from [T, 2T), anew at each campaign", () => {
  const cluster = new TestCluster();
  cluster.addNodes(3);
  for (const random of [0, 0.35, 0.999]) {
    cluster.node(1).random = random;
    cluster.crash(1);
    cluster.start(1);
    let elapsed = 0;
    while (cluster.status(1).role === "follower") {
      cluster.step(1, ticks(1));
      elapsed += 1;
    }
    assert.equal(elapsed, T + Math.floor(random * T));
  }
});

test("§5.2: a split vote is settled by the next timeout", () => {
  const cluster = new TestCluster();
  cluster.addNodes(4);
  cluster.node(1).random = 0.5;
  for (const id of [1, 2]) cluster.step(id, ticks(2 * T));
  for (let round = 0; round < 3 * T; round += 1) {
    for (const id of [1, 2, 3, 4]) cluster.step(id, ticks(1));
    cluster.stabilize();
  }
  const leaders = [1, 2, 3, 4].filter((id) => cluster.status(id).role === "leader");
  assert.equal(leaders.length, 1);
});

// ── §5.3 Log replication

test("§5.3: a leader sends proposals to all, and commits what a majority has", () => {
  const cluster = ledCluster(5);
  cluster.cut.add("1->4").add("1->5");
  propose(cluster, 1, "x");
  cluster.cut.add("1->3");
  assert.equal(cluster.status(1).commitIndex, 6);
  cluster.stabilize();
  assert.equal(cluster.status(1).commitIndex, 7);
  assert.deepEqual(cluster.node(1).disk.applied.commands, ["x"]);
});

test("§5.3: an append is refused when the follower lacks the entry before it", () => {
  const raft = loneMember();
  const refusalOf = (effects: Effects): unknown => {
    const [answer] = effects.messages;
    assert.ok(answer?.type === "appendEntriesResponse" && !answer.success);
    return [answer.rejectedIndex, answer.conflictIndex, answer.conflictTerm];
  };
  assert.deepEqual(refusalOf(raft.step([received(append(2, [9, 2]))])), [9, 3, 1]);
  raft.step([received(append(2, [3, 1], { entries: [entry(4, 2), entry(5, 2)] }))]);
  assert.deepEqual(refusalOf(raft.step([received(append(3, [5, 3]))])), [5, 5, 2]);
});

test("§5.3: a follower replaces entries that conflict, and only those", () => {
  const raft = loneMember();
  raft.step([received(append(2, [3, 1], { entries: [entry(4, 2), entry(5, 2), entry(6, 2)] }))]);
  const effects = raft.step([received(append(3, [3, 1], { entries: [entry(4, 2), entry(5, 3)] }))]);
  assert.deepEqual(
    effects.write?.entries.map(({ index, term }) => [index, term]),
    [[5, 3]],
  );
  assert.equal(raft.status().lastIndex, 5);
});

test("§5.3: a follower commits min(leaderCommit, last new entry), though its log is longer", () => {
  const raft = loneMember();
  raft.step([received(append(2, [3, 1], { entries: [entry(4, 2), entry(5, 2), entry(6, 2)] }))]);
  // Entries 5 and 6 are not confirmed by this append: another leader might have others.
  raft.step([received(append(3, [3, 1], { entries: [entry(4, 2)], commit: 6 }))]);
  assert.equal(raft.status().commitIndex, 4);
});

test("§5.3: a follower acknowledges only what is durable", () => {
  const cluster = ledCluster(3);
  cluster.node(2).holdsWrites = true;
  propose(cluster, 1, "x");
  cluster.stabilize();
  const matchOf = (): number | undefined =>
    cluster.status(1).progress.find(({ id }) => id === 2)?.matchIndex;
  assert.equal(matchOf(), 4);
  cluster.crash(2);
  cluster.start(2);
  assert.equal(cluster.status(2).lastIndex, 4);
});

// ── §5.4 Safety

test("§5.4.1: no vote for a log that is less up to date", () => {
  const mine = { lastIndex: at(5), termRuns: [{ index: at(4), term: inTerm(3) }] };
  const voter = (): Raft =>
    loneMember({}, { ...mine, hardState: { currentTerm: inTerm(3), votedFor: null } });
  const cases: [last: readonly [number, number], granted: boolean][] = [
    [[5, 3], true],
    [[6, 3], true],
    [[4, 4], true],
    [[4, 3], false],
    [[99, 2], false],
  ];
  for (const [last, granted] of cases) {
    assert.equal(voteOf(voter().step([received(requestVote(4, last))])), granted, `vote ${last}`);
    assert.equal(voteOf(voter().step([received(requestPreVote(4, last))])), granted, `pre ${last}`);
  }
});

test("§5.4.2: entries of earlier terms are committed only with one of the current term", () => {
  const raft = loneMember(
    {},
    {
      hardState: { currentTerm: inTerm(2), votedFor: null },
      lastIndex: at(5),
      termRuns: [{ index: at(4), term: inTerm(2) }],
    },
  );
  elect(raft);
  assert.equal(raft.status().term, 3);
  raft.step([received(acknowledgement(2, 3, 5))]);
  assert.equal(raft.status().commitIndex, 3);
  raft.step([received(acknowledgement(2, 3, 6))]);
  assert.equal(raft.status().commitIndex, 6);
});

test("§5.4.3: after any fault, whoever leads has every committed entry", () => {
  const cluster = ledCluster(3);
  propose(cluster, 1, "x");
  cluster.stabilize();
  cluster.crash(1);
  for (const id of [2, 3]) cluster.step(id, [{ type: "unreachable", nodeId: toNodeId(1) }]);
  cluster.step(3, ticks(T));
  cluster.stabilize();
  assert.equal(cluster.status(3).role, "leader");
  assert.deepEqual(cluster.node(3).disk.applied.commands, ["x"]);
});

// ── §5.5 Follower and candidate crashes

test("§5.5: repeated requests do no harm", () => {
  const raft = loneMember();
  const message = append(2, [3, 1], { entries: [entry(4, 2)], commit: 4 });
  raft.step([received(message)]);
  const before = raft.status();
  const again = raft.step([received(message), received(message)]);
  assert.deepEqual(raft.status(), before);
  assert.equal(again.write, null);
});

// ── §7 Log compaction

test("§7: a follower that needs compacted entries gets a snapshot, once", () => {
  const cluster = ledCluster(3);
  cluster.cut.add("1->3");
  for (const text of ["a", "b", "c"]) propose(cluster, 1, text);
  cluster.stabilize();
  const { disk } = cluster.node(1);
  disk.compact(7);
  cluster.step(1, [{ type: "compacted", index: at(7), term: inTerm(2) }]);
  cluster.cut.clear();
  cluster.step(1, ticks(1));
  cluster.stabilize();
  assert.deepEqual(cluster.node(3).disk.applied.commands, ["a", "b", "c"]);
  assert.equal(cluster.sent.filter(({ type }) => type === "installSnapshot").length, 1);
});

// ── §8 Client interaction

test("§8: a leader begins its term with a noop", () => {
  const raft = candidate();
  const { write, messages } = raft.step([
    received({ type: "requestVoteResponse", ...peers, term: inTerm(2), voteGranted: true }),
  ]);
  assert.deepEqual(
    write?.entries.map(({ index, term, type }) => [index, term, type]),
    [[4, 2, "noop"]],
  );
  assert.deepEqual(typesOf(messages), ["appendEntries", "appendEntries"]);
});
