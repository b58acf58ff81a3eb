import assert from "node:assert/strict";
import { test } from "node:test";
import type { RaftStatus } from "../raft/index.ts";
import { Health } from "./health.ts";
import { node } from "./replica.test-kit.ts";
import { Standing } from "./standing.ts";

const limits = { healthCheckMs: 100, healthTimeoutMs: 300, learnerGapMax: 5 };
const raft = (facts: Record<string, unknown> = {}): RaftStatus =>
  ({ role: "follower", leader: 2, commitIndex: 10, ...facts }) as never as RaftStatus;
const reason = (health: Health, nowMs: number, facts: Record<string, unknown> = {}): string => {
  const appliedIndex = Number(facts["appliedIndex"] ?? 10);
  return health.notReadyReason({ nowMs, raft: raft(facts), appliedIndex });
};

test("a node is ready while its last linearizable read is recent", () => {
  const health = new Health(limits);
  assert.match(reason(health, 0), /no linearizable read has succeeded yet/);
  health.succeeded(1000);
  assert.equal(reason(health, 1300), "");
  assert.match(reason(health, 1301), /succeeded 301 ms ago/);
});

test("a node without a leader and a learner that lags are not ready", () => {
  const health = new Health(limits);
  health.succeeded(0);
  assert.match(reason(health, 1, { leader: null }), /no leader/);
  assert.equal(reason(health, 1, { role: "learner", appliedIndex: 5 }), "");
  assert.match(reason(health, 1, { role: "learner", appliedIndex: 4 }), /6 entries behind/);
});

test("probes come at their interval, and at once after a change of leader", () => {
  const health = new Health(limits);
  assert.ok(health.due(0));
  assert.ok(!health.due(99));
  assert.ok(health.due(100));
  health.hasten();
  assert.ok(health.due(101));
});

test("a change of leader is noted once", () => {
  const health = new Health(limits);
  assert.deepEqual(
    [null, node(1), node(1), node(2), null].map((leader) => health.noteLeader(leader)),
    [false, true, false, true, true],
  );
});

test("staleness is the age of the leader's last word", () => {
  const health = new Health(limits);
  assert.equal(health.stalenessMs(50, raft()), null);
  health.heardFromLeader(20);
  assert.equal(health.stalenessMs(50, raft()), 30);
  assert.equal(health.stalenessMs(50, raft({ role: "leader" })), 0);
});

const members = (...ids: number[]): RaftStatus["configuration"] =>
  ({ members: ids.map((id) => ({ id })) }) as never as RaftStatus["configuration"];

test("a member is removed once a committed configuration of its time does without it", () => {
  const standing = new Standing(node(7), new Health(limits));
  const note = (configurationIndex: number, commitIndex: number, ...ids: number[]): boolean =>
    standing.noteConfiguration(
      raft({ configuration: members(...ids), configurationIndex, commitIndex }),
    );
  assert.ok(!note(5, 5, 1), "before it was admitted");
  assert.ok(!note(7, 7, 1, 7));
  assert.ok(!note(9, 8, 1), "not committed: it may be rolled back");
  assert.equal(standing.refusal(), null);
  assert.ok(note(9, 9, 1));
  assert.equal(standing.refusal()?.code, "REMOVED");
  assert.ok(!note(9, 9, 1), "told once");
});

test("what ends service is refused by its own code, and draining ends readiness only", () => {
  const health = new Health(limits);
  health.succeeded(0);
  const standing = new Standing(node(1), health);
  const facts = { nowMs: 1, raft: raft(), appliedIndex: 10 as never };
  assert.equal(standing.notReadyReason(facts), "");
  standing.drain();
  assert.equal(standing.refusal(), null);
  assert.match(standing.notReadyReason(facts), /draining/);
  standing.diverge();
  assert.equal(standing.refusal()?.code, "CORRUPT");
  standing.stop();
  assert.equal(standing.refusal()?.code, "SHUTTING_DOWN");
});
