import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandResult, Revision } from "../kv/index.ts";
import { toTerm } from "../raft/index.ts";
import { ProposalTable } from "./proposals.ts";
import { endOf } from "./replica.test-kit.ts";

const term = toTerm(1);
const limits = { proposalsMax: 3, proposalBytesMax: 100 };
const encode = (sequence: number): Uint8Array => Uint8Array.of(sequence);
const result: CommandResult = { type: "put", revision: 7 as Revision, created: true };

test("a proposal is routed once and settled by its sequence", async () => {
  const table = new ProposalTable(limits);
  const promise = table.add(1000, encode);
  const [routed, ...others] = table.takeParked(term);
  assert.equal(others.length, 0);
  assert.deepEqual(table.takeParked(term), []);
  assert.equal(await endOf(promise), "pending");
  table.settle([{ sequence: routed?.sequence ?? -1, result }]);
  assert.deepEqual(await endOf(promise), result);
  assert.equal(table.pending, 0);
  assert.equal(table.settled, 1);
});

test("above the limit of count or bytes nothing is taken", async () => {
  const counted = new ProposalTable({ ...limits, proposalsMax: 1 });
  counted.add(1000, encode).catch(assert.fail);
  assert.equal(await endOf(counted.add(1000, encode)), "OVERLOADED");
  const weighed = new ProposalTable({ ...limits, proposalBytesMax: 5 });
  weighed.add(1000, () => new Uint8Array(5)).catch(assert.fail);
  assert.equal(await endOf(weighed.add(1000, encode)), "OVERLOADED");
  weighed.settle([{ sequence: 0, result }]);
  assert.equal(await endOf(weighed.add(1000, encode)), "pending");
});

test("a deadline says NO_LEADER before it left and OUTCOME_UNKNOWN after", async () => {
  const table = new ProposalTable(limits);
  const left = table.add(10, encode);
  table.takeParked(term);
  const parked = table.add(10, encode);
  const later = table.add(11, encode);
  table.expire(10);
  assert.equal(await endOf(left), "OUTCOME_UNKNOWN");
  assert.equal(await endOf(parked), "NO_LEADER");
  assert.equal(await endOf(later), "pending");
  assert.equal(table.failed, 2);
});

test("what a leader refused is parked again, and safe to give up", async () => {
  const table = new ProposalTable(limits);
  const promise = table.add(10, encode);
  table.takeParked(term);
  table.park(0);
  assert.equal(table.hasParked, true);
  table.abandon("SHUTTING_DOWN", "test");
  assert.equal(await endOf(promise), "SHUTTING_DOWN");
  assert.deepEqual(table.takeParked(term), []);
});

test("what was given up is not settled and not parked", async () => {
  const table = new ProposalTable(limits);
  const promise = table.add(10, encode);
  table.takeParked(term);
  table.expire(10);
  table.settle([{ sequence: 0, result }]);
  table.park(0);
  assert.equal(await endOf(promise), "OUTCOME_UNKNOWN");
  assert.equal(table.hasParked, false);
});
