import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effects, Input, Raft } from "./index.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";
import {
  acknowledgement,
  elect,
  loneMember,
  persist,
  proposals,
  received,
} from "./test-member.test-kit.ts";

test("a thousand proposals in one step are one write and one message per follower", () => {
  const raft = loneMember();
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4)), received(acknowledgement(3, 2, 4))]);
  const effects = raft.step(proposals(1_000, 256));
  assert.equal(effects.write?.entries.length, 1_000);
  assert.equal(effects.accepted.length, 1_000);
  assert.deepEqual(
    effects.messages.map((m) => [m.type, m.to]),
    [
      ["appendEntries", 2],
      ["appendEntries", 3],
    ],
  );
  const [one, two] = effects.messages;
  assert.ok(one?.type === "appendEntries" && two?.type === "appendEntries");
  // The very same array, so that a transport encodes it once.
  assert.equal(one.entries, two.entries);
});

test("an append is bounded in bytes, but never empty when there is something to send", () => {
  const raft = loneMember({ appendBytesMax: 1000 });
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  const { messages } = raft.step([...proposals(5, 400), ...proposals(1, 5000, 6)]);
  const sizes = messages.flatMap((m) =>
    m.type === "appendEntries" && m.to === 2 ? [m.entries.length] : [],
  );
  assert.deepEqual(sizes, [2, 2, 1, 1]);
});

/** Numbers of entries in the appends to `to`. */
const entriesTo = (to: number, { messages }: Effects): number[] =>
  messages.flatMap((m) => (m.type === "appendEntries" && m.to === to ? [m.entries.length] : []));

/** A leader whose followers have its noop, entry 4. */
function replicatingLeader(): Raft {
  const raft = loneMember({ appendBytesMax: 1000, appendsAheadMax: 2 });
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4)), received(acknowledgement(3, 2, 4))]);
  return raft;
}

test("with two appends ahead entries gather for the next, until one is answered", () => {
  const raft = replicatingLeader();
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), [1]);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), [1]);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), []);
  assert.deepEqual(entriesTo(2, raft.step(proposals(2, 10))), []);
  const answered = raft.step([received(acknowledgement(2, 2, 5))]);
  assert.deepEqual(entriesTo(2, answered), [3]);
  assert.deepEqual(entriesTo(3, answered), [], "its own two are not answered");
});

test("entries that gather leave once the first of them is durable here, however far away", () => {
  const raft = replicatingLeader();
  raft.step(proposals(1, 10));
  raft.step(proposals(1, 10));
  raft.step(proposals(1, 10));
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), []);
  const own = (index: number): Input => ({ type: "persisted", index: at(index), term: inTerm(2) });
  assert.deepEqual(entriesTo(2, raft.step([own(6)])), [], "those that left");
  assert.deepEqual(entriesTo(2, raft.step([own(7)])), [2]);
});

test("behind one large append entries gather too", () => {
  const raft = loneMember({ appendBytesMax: 100_000, appendsAheadMax: 2 });
  elect(raft);
  raft.step([received(acknowledgement(2, 2, 4))]);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 8192))), [1]);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), []);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), []);
  assert.deepEqual(entriesTo(2, raft.step([received(acknowledgement(2, 2, 5))])), [2]);
});

test("a message that is full waits for no answer", () => {
  const raft = replicatingLeader();
  raft.step(proposals(1, 10));
  raft.step(proposals(1, 10));
  assert.deepEqual(entriesTo(2, raft.step(proposals(3, 400))), [2]);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 600))), [2], "400 and 600 bytes fill it");
});

test("a commit is told at once, but with the entries where some gather", () => {
  const raft = replicatingLeader();
  raft.step(proposals(1, 10));
  raft.step(proposals(1, 10));
  persist(raft);
  const committed = raft.step([received(acknowledgement(3, 2, 6))]);
  assert.deepEqual([entriesTo(2, committed), entriesTo(3, committed)], [[0], [0]]);
  raft.step(proposals(1, 10));
  persist(raft);
  assert.deepEqual(entriesTo(2, raft.step(proposals(1, 10))), []);
  const again = raft.step([received(acknowledgement(3, 2, 7))]);
  assert.equal(raft.status().commitIndex, 7);
  assert.deepEqual(entriesTo(2, again), []);
  assert.deepEqual(entriesTo(2, raft.step([received(acknowledgement(2, 2, 6))])), [1]);
});

test("uncommitted proposals are bounded; one is always taken, however large", () => {
  const raft = loneMember({ uncommittedBytesMax: 100 });
  elect(raft);
  const first = raft.step([...proposals(1, 500), ...proposals(1, 1, 2)]);
  assert.deepEqual(
    first.accepted.map(({ id }) => id),
    [1],
  );
  assert.deepEqual(
    first.rejected.map(({ id, reason }) => [id, reason]),
    [[2, "overloaded"]],
  );
  persist(raft);
  raft.step([received(acknowledgement(2, 2, 5))]);
  const again = raft.step([...proposals(2, 50, 3), ...proposals(1, 1, 5)]);
  assert.deepEqual(
    again.accepted.map(({ id }) => id),
    [3, 4],
  );
  assert.deepEqual(
    again.rejected.map(({ id, reason }) => [id, reason]),
    [[5, "overloaded"]],
  );
});

test("a proposal at a follower is refused as not the leader's", () => {
  const { rejected, write } = loneMember().step(proposals(1, 1));
  assert.equal(rejected[0]?.reason, "notLeader");
  assert.equal(write, null);
});

test("a proposal meant for one term is appended in that term or refused", () => {
  const raft = loneMember();
  elect(raft);
  const proposal = (id: number, term: number): Input => ({
    type: "propose",
    id,
    data: new Uint8Array(1),
    term: inTerm(term),
  });
  const { accepted, rejected } = raft.step([proposal(1, 1), proposal(2, 2), proposal(3, 3)]);
  assert.deepEqual(accepted, [{ id: 2, index: 5, term: 2 }]);
  assert.deepEqual(
    rejected.map(({ id, reason }) => [id, reason]),
    [
      [1, "notLeader"],
      [3, "notLeader"],
    ],
  );
});
