import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import {
  type Command,
  type CommandResult,
  encodeCommand,
  readHeader,
  toRevision,
} from "../kv/index.ts";
import {
  type NodeId,
  type RaftStatus,
  type Term,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import { Forwarding } from "./forwarding.ts";
import type { PeerMessage } from "./ports.ts";
import { ProposalTable } from "./proposals.ts";

const ORIGIN = 77;
const SELF = toNodeId(1);
const LEADER = toNodeId(2);
const LATE = 1000;
const FORWARD_BYTES_MAX = 200;
const PROPOSALS_MAX = 3;
const done: CommandResult = { type: "put", revision: toRevision(1), created: true };

const command = {
  type: "put",
  key: Uint8Array.of(1),
  value: Uint8Array.of(2),
  condition: { type: "none" },
} as const satisfies Command;

/** A follower's routing with everything it sends. */
class Bench {
  readonly table = new ProposalTable({ proposalsMax: PROPOSALS_MAX, proposalBytesMax: 10_000 });
  readonly sent: PeerMessage[] = [];
  isReachable = true;
  readonly forwarding = new Forwarding(this.table, {
    origin: ORIGIN,
    forwardedMax: 2,
    forwardBytesMax: FORWARD_BYTES_MAX,
    send: (_to, message) => this.sent.push(message),
    reaches: () => this.isReachable,
    wallMs: () => 5,
  });

  propose(valueBytes: number = 1): Promise<CommandResult> {
    const large = { ...command, value: new Uint8Array(valueBytes) };
    return this.table.add(LATE, (sequence) =>
      encodeCommand({ origin: ORIGIN, sequence, timestampMs: 0 }, large),
    );
  }

  route(leader: NodeId | null, term: Term): ReturnType<Forwarding["route"]> {
    return this.forwarding.route(SELF, statusOf(leader, term));
  }

  forwards(): number[][] {
    return this.sent.flatMap((message) =>
      message.type === "forward" ? [message.proposals.map(({ sequence }) => sequence)] : [],
    );
  }
}

const statusOf = (leader: NodeId | null, term: Term): RaftStatus => ({
  id: SELF,
  role: "follower",
  term,
  votedFor: null,
  leader,
  commitIndex: toLogIndex(0),
  lastIndex: toLogIndex(0),
  persistedIndex: toLogIndex(0),
  firstIndex: toLogIndex(1),
  configuration: { members: [] },
  configurationIndex: toLogIndex(0),
  transferTarget: null,
  progress: [],
});

test("all proposals of a turn leave in one message, once", async () => {
  const bench = new Bench();
  const results = [bench.propose(), bench.propose()];
  bench.route(LEADER, toTerm(3));
  bench.route(LEADER, toTerm(3));
  assert.deepEqual(bench.forwards(), [[0, 1]]);
  bench.table.settle([0, 1].map((sequence) => ({ sequence, result: done })));
  await Promise.all(results);
});

test("proposals beyond the bytes of a message leave in the next one, in order", async () => {
  for (const { sizes, messages } of [
    { sizes: [10, 500, 20], messages: [[0], [1], [2]] },
    { sizes: [10, 20, 150], messages: [[0, 1], [2]] },
  ]) {
    const bench = new Bench();
    const results = sizes.map((valueBytes) => bench.propose(valueBytes));
    bench.route(LEADER, toTerm(3));
    assert.deepEqual(bench.forwards(), messages);
    bench.table.settle(sizes.map((_, sequence) => ({ sequence, result: done })));
    await Promise.all(results);
  }
});

/** The bytes of a command, changed. */
const altered = (change: (bytes: Uint8Array) => void): Uint8Array => {
  // Memory of its own, so that a view on all of it is one on the command.
  const bytes = Uint8Array.from(encodeCommand({ origin: 9, sequence: 4, timestampMs: 0 }, command));
  change(bytes);
  return bytes;
};

test("a leader takes nothing of a forward with a command that it cannot read", () => {
  const good = {
    sequence: 3,
    data: altered((bytes) => new DataView(bytes.buffer).setUint32(10, 3)),
  };
  const bad: Readonly<Record<string, Uint8Array>> = {
    "a newer format": altered((bytes) => bytes.set([2], 0)),
    "a newer command": altered((bytes) => bytes.set([99], 1)),
    "damaged inside": altered((bytes) => bytes.fill(0xff, 22)),
    "cut off": altered(() => undefined).subarray(0, 23),
    "with bytes too many": Buffer.concat([altered(() => undefined), Uint8Array.of(0)]),
    "of another node": altered((bytes) => bytes.set([8], 9)),
    "of another sequence": altered((bytes) => bytes.set([5], 13)),
    empty: new Uint8Array(0),
  };
  for (const [what, data] of Object.entries(bad)) {
    const bench = new Bench();
    const proposals = [good, { sequence: 4, data }];
    const message = { type: "forward", origin: 9, term: toTerm(3), proposals } as const;
    assert.throws(() => bench.forwarding.receive(LEADER, message), DecodeError, what);
    const alone = { ...message, proposals: [good] };
    // Twice as many fit (forwardedMax is 2): the refused message holds no room.
    assert.equal(bench.forwarding.receive(LEADER, alone).length, 1, what);
    assert.equal(bench.forwarding.receive(LEADER, alone).length, 1, what);
  }
});

test("nothing is routed without a leader or to one that cannot be reached", async () => {
  const bench = new Bench();
  const result = bench.propose();
  bench.route(null, toTerm(3));
  bench.isReachable = false;
  bench.route(LEADER, toTerm(3));
  assert.deepEqual(bench.forwards(), []);
  bench.table.expire(LATE);
  await assert.rejects(result, { code: "NO_LEADER" });
});

test("what an earlier term did not apply before a later one is routed again", async () => {
  const bench = new Bench();
  const result = bench.propose();
  bench.route(LEADER, toTerm(3));
  bench.table.revive(toTerm(3));
  bench.route(LEADER, toTerm(3));
  assert.equal(bench.forwards().length, 1, "an entry of the same term proves nothing");
  bench.table.revive(toTerm(4));
  bench.route(LEADER, toTerm(4));
  assert.deepEqual(bench.forwards(), [[0], [0]]);
  bench.table.settle([{ sequence: 0, result: done }]);
  assert.deepEqual(await result, done);
});

test("a late refusal of an earlier routing does not route a proposal twice", async () => {
  const bench = new Bench();
  const result = bench.propose();
  bench.route(LEADER, toTerm(3));
  bench.table.revive(toTerm(4));
  bench.route(LEADER, toTerm(4));
  const refusal = { type: "forwardRejected", origin: ORIGIN, sequences: [0] } as const;
  bench.forwarding.refused(LEADER, { ...refusal, term: toTerm(3), reason: "notLeader" });
  bench.forwarding.tick();
  bench.route(LEADER, toTerm(4));
  assert.equal(bench.forwards().length, 2);
  bench.table.settle([{ sequence: 0, result: done }]);
  await result;
});

test("a refused proposal is routed again at the next tick, not at once", async () => {
  const bench = new Bench();
  const result = bench.propose();
  const [input] = bench.route(SELF, toTerm(3));
  assert.equal(input?.type, "propose");
  const id = input?.type === "propose" ? input.id : -1;
  bench.forwarding.rejected([{ id, reason: "leaderNotReady", detail: "handing over" }]);
  assert.deepEqual(bench.route(SELF, toTerm(3)), []);
  bench.forwarding.tick();
  assert.equal(bench.route(SELF, toTerm(3)).length, 1);
  bench.table.settle([{ sequence: 0, result: done }]);
  await result;
});

test("a routed proposal past its deadline is of unknown outcome", async () => {
  const bench = new Bench();
  const result = bench.propose();
  bench.route(LEADER, toTerm(3));
  bench.table.expire(LATE);
  await assert.rejects(result, { code: "OUTCOME_UNKNOWN" });
});

test("a snapshot leaves what was routed in doubt and what is parked as it is", async () => {
  const bench = new Bench();
  const routed = bench.propose();
  bench.route(LEADER, toTerm(3));
  const parked = bench.propose();
  bench.table.doubt();
  await assert.rejects(routed, { code: "OUTCOME_UNKNOWN" });
  bench.route(LEADER, toTerm(4));
  assert.deepEqual(bench.forwards(), [[0], [1]]);
  bench.table.settle([{ sequence: 1, result: done }]);
  await parked;
});

test("proposals beyond the limit are refused and were never routed", async () => {
  const bench = new Bench();
  const results = [bench.propose(), bench.propose(), bench.propose()];
  await assert.rejects(bench.propose(), { code: "OVERLOADED" });
  bench.table.abandon("SHUTTING_DOWN", "the end");
  for (const result of results) await assert.rejects(result, { code: "SHUTTING_DOWN" });
});

test("forwarded proposals beyond the limit are refused with the term they were for", () => {
  const bench = new Bench();
  const proposals = [0, 1, 2].map((sequence) => ({ sequence, data: new Uint8Array(64) }));
  const message = { type: "forward", origin: 9, term: toTerm(3), proposals } as const;
  assert.deepEqual(bench.forwarding.receive(LEADER, message), []);
  assert.deepEqual(bench.sent, [
    {
      type: "forwardRejected",
      origin: 9,
      term: toTerm(3),
      sequences: [0, 1, 2],
      reason: "overloaded",
    },
  ]);
});

test("the leader proposes to its own core, stamped with its clock", async () => {
  const bench = new Bench();
  const result = bench.propose();
  const [input] = bench.route(SELF, toTerm(3));
  assert.ok(input?.type === "propose" && input.term === 3);
  assert.deepEqual(readHeader(input.data), { origin: ORIGIN, sequence: 0, timestampMs: 5 });
  assert.deepEqual(bench.sent, []);
  bench.table.settle([{ sequence: 0, result: done }]);
  await result;
});

test("what the leader has no room for is refused for good", async () => {
  const bench = new Bench();
  const result = bench.propose();
  const [input] = bench.route(SELF, toTerm(3));
  const id = input?.type === "propose" ? input.id : -1;
  bench.forwarding.rejected([{ id, reason: "overloaded", detail: "test" }]);
  await assert.rejects(result, { code: "OVERLOADED" });
});

test("refusals go back to the node, the life and the term they came from", () => {
  const bench = new Bench();
  const proposals = [0, 1].map((sequence) => ({
    sequence,
    data: encodeCommand({ origin: 9, sequence, timestampMs: 0 }, command),
  }));
  const message = { type: "forward", origin: 9, term: toTerm(3), proposals } as const;
  const inputs = bench.forwarding.receive(LEADER, message);
  const ids = inputs.map((input) => (input.type === "propose" ? input.id : -1));
  bench.forwarding.accepted([{ id: ids[0] ?? -1, index: toLogIndex(1), term: toTerm(3) }]);
  bench.forwarding.rejected(ids.map((id) => ({ id, reason: "notLeader", detail: "test" })));
  const refusal = { type: "forwardRejected", origin: 9, term: toTerm(3), sequences: [1] };
  assert.deepEqual(bench.sent, [{ ...refusal, reason: "notLeader" }]);
});
