import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationHistory } from "./configuration-history.ts";
import { InvariantViolation, toNodeId } from "./index.ts";
import { testMember } from "./test-cluster.test-kit.ts";
import { at } from "./test-entries.test-kit.ts";

const voters = (...ids: number[]): { members: ReturnType<typeof testMember>[] } => ({
  members: ids.map((id) => testMember(id)),
});

test("the newest configuration is in force, and truncation brings the one before back", () => {
  const history = new ConfigurationHistory(at(1), voters(1, 2, 3));
  history.append(at(5), voters(1, 2));
  history.append(at(9), voters(1));
  assert.deepEqual(history.voters, [1]);
  history.truncateFrom(at(9));
  assert.deepEqual(history.voters, [1, 2]);
  assert.equal(history.index, 5);
  history.truncateFrom(at(2));
  assert.deepEqual(history.voters, [1, 2, 3]);
});

test("what was applied is never rolled back", () => {
  const history = new ConfigurationHistory(at(1), voters(1, 2, 3));
  history.append(at(5), voters(1, 2));
  history.forgetBefore(at(7));
  history.truncateFrom(at(2));
  assert.deepEqual(history.voters, [1, 2]);
});

test("changes between two indexes, voters at an index, members removed since", () => {
  const history = new ConfigurationHistory(at(1), voters(1, 2, 3));
  history.append(at(5), voters(1, 2));
  assert.ok(history.hasChangeIn(at(4), at(5)));
  assert.ok(!history.hasChangeIn(at(5), at(9)));
  assert.ok(history.isVoterAt(toNodeId(3), at(4)));
  assert.ok(!history.isVoterAt(toNodeId(3), at(5)));
  assert.deepEqual(history.membersRemovedAfter(at(4)), [3]);
  assert.deepEqual(history.membersRemovedAfter(at(5)), []);
});

test("a snapshot inside the log replaces what is before it and keeps later changes", () => {
  const history = new ConfigurationHistory(at(1), voters(1));
  history.append(at(5), voters(1, 2));
  history.append(at(9), voters(1, 2, 3));
  history.rebase(at(7), at(5), voters(1, 2));
  assert.deepEqual(history.voters, [1, 2, 3]);
  history.truncateFrom(at(8));
  assert.deepEqual(history.voters, [1, 2]);
});

test("configurations come in the order of the log", () => {
  const history = new ConfigurationHistory(at(4), voters(1));
  assert.throws(() => history.append(at(4), voters(1, 2)), InvariantViolation);
});
