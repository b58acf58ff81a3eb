import assert from "node:assert/strict";
import { test } from "node:test";
import { type NodeId, toNodeId } from "./index.ts";
import { hasQuorum, quorumIndex, quorumSize, tallyVotes } from "./quorum.ts";
import { at } from "./test-entries.test-kit.ts";

const ids = (count: number): NodeId[] => Array.from({ length: count }, (_, n) => toNodeId(n + 1));

test("a quorum is a majority, and any two share a server", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 7].map(quorumSize), [1, 2, 2, 3, 3, 4]);
  for (let voters = 1; voters <= 9; voters += 1) assert.ok(2 * quorumSize(voters) > voters);
});

test("the quorum index is what a majority holds", () => {
  const index = (...matches: number[]): number =>
    quorumIndex(ids(matches.length), (id) => at(matches[id - 1] ?? 0));
  assert.equal(index(7), 7);
  assert.equal(index(7, 5), 5);
  assert.equal(index(7, 5, 3), 5);
  assert.equal(index(9, 1, 5, 3), 3);
  assert.equal(index(1, 9, 9, 2, 9), 9);
  assert.equal(index(), 0);
});

test("no voters, no quorum", () => {
  assert.ok(!hasQuorum([], () => true));
});

test("an election is won, lost or open", () => {
  const tally = (voters: number, ...votes: [number, boolean][]): string =>
    tallyVotes(ids(voters), new Map(votes.map(([id, vote]) => [toNodeId(id), vote])));
  assert.equal(tally(3, [1, true]), "pending");
  assert.equal(tally(3, [1, true], [2, true]), "won");
  assert.equal(tally(3, [1, true], [2, false], [3, false]), "lost");
  assert.equal(tally(4, [1, true], [2, true], [3, false], [4, false]), "lost");
  assert.equal(tally(5, [1, true], [2, false], [3, false]), "pending");
  // Votes of those who are no voters count for nothing.
  assert.equal(tally(3, [1, true], [7, true], [8, true]), "pending");
});
