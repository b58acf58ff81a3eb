/** Machines that are cut off, never return, or take the majority with them. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { inflict, undo, undoAll } from "../e2e/kubernetes/lab.test-kit.ts";
import { setStage } from "../e2e/kubernetes/stage.test-kit.ts";
import type { Store } from "../e2e/kubernetes/store.test-kit.ts";
import { underLoad } from "../e2e/kubernetes/under-load.test-kit.ts";
import { becomes, NotYet, timed } from "../e2e/kubernetes/waiting.test-kit.ts";

const REPLACE_SECONDS = 60;
let store: Store;
const stage = setStage("machines", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
  },
});
beforeEach(async () => {
  await undoAll();
  await store.settles(300_000);
  await store.isSpread();
});

async function anotherLeads(old: string): Promise<void> {
  await becomes(
    `another than ${old} leads`,
    async () => {
      const now = await store.leader();
      return now.pod !== old || new NotYet(`${now.pod} leads`);
    },
    { withinMs: 60_000 },
  );
}

const isDegraded = (): Promise<true> =>
  becomes(
    "the operator sees that a member is away",
    async () => {
      const condition = await store.condition("Degraded");
      return condition?.status === "True" || new NotYet(JSON.stringify(condition));
    },
    { withinMs: 120_000 },
  );

test("the leader's node is cut off and plugged in again", { timeout: 480_000 }, async (t) => {
  const leader = await store.leader();
  const { members } = await store.status();
  let [seconds, told] = [0, 0];
  const { window, figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async (load) => {
      await inflict("cut", leader.node);
      await anotherLeads(leader.pod);
      await load.progresses();
      told = (await timed(() => isDegraded())).seconds;
      await undo(leader.node);
      seconds = (await timed(() => store.settles(240_000))).seconds;
    },
  });
  const times = { "told after s": told, "time to ready after its return s": seconds };
  stage().measure(t, { ...figures, ...times });
  // A connection into the void is given up by the client's own deadline, not by the store.
  assert.ok(window.longestGapMs < 10_000, `gaps: ${window.gaps.join(", ")} ms`);
  const ids = (await store.status()).members?.map(({ nodeId }) => nodeId);
  assert.deepEqual(
    ids,
    members?.map(({ nodeId }) => nodeId),
    "nobody was replaced",
  );
});

test("a node that never returns: its member is replaced", { timeout: 600_000 }, async (t) => {
  await store.change({ repair: { replaceAfterSeconds: REPLACE_SECONDS } });
  const leader = await store.leader();
  const { members = [] } = await store.status();
  const lost = members.find(({ name }) => name === leader.pod)?.nodeId ?? assert.fail();
  let seconds = 0;
  const { figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async () => {
      await inflict("kill", leader.node);
      seconds = (
        await timed(() =>
          becomes(
            `${leader.pod} is a new member elsewhere`,
            async () => {
              const { members: now = [] } = await store.status();
              const told = now.map(({ name, nodeId, role }) => `${name} ${nodeId} ${role}`);
              const ids = now.map(({ nodeId }) => nodeId);
              const areVoters = now.length === 3 && now.every(({ role }) => role !== "learner");
              return (areVoters && !ids.includes(lost)) || new NotYet(told.join(", "));
            },
            { withinMs: 300_000, everyMs: 1_000 },
          ),
        )
      ).seconds;
      await store.settles();
    },
  });
  stage().measure(t, { ...figures, "replaced after s": seconds });
  assert.ok(seconds >= REPLACE_SECONDS, "not before its time");
  const pod = await store.pod(leader.pod);
  assert.notEqual(pod.spec.nodeName, leader.node);
  assert.equal((await store.status()).replacements?.length, 1);
  await undo(leader.node);
  await store.settles();
});

test("two of three nodes lost: told truthfully, nothing done, and back by themselves", {
  timeout: 600_000,
}, async (t) => {
  await store.change({ repair: { replaceAfterSeconds: 30 } });
  await store.settles();
  const { members, clusterId } = await store.status();
  const operatorNodes = new Set((await stage().operator.pods()).map(({ spec }) => spec.nodeName));
  const nodes = (await store.pods()).map(({ spec }) => spec.nodeName ?? assert.fail());
  const spared = nodes.find((node) => operatorNodes.has(node)) ?? nodes[0];
  const victims = nodes.filter((node) => node !== spared);
  const shell = await stage().startShell(store, "asks", { nodeName: spared ?? assert.fail() });
  const wrote = await shell.curl("-X PUT -d kept", "/v1/kv/load/kept");
  assert.ok([200, 201].includes(wrote.status), wrote.body);
  for (const node of victims) await inflict("kill", node);
  const startedMs = performance.now();
  const { value: condition, seconds } = await timed(() => store.becomesAvailable("False", 180_000));
  assert.equal(condition.reason, "QuorumLost", condition.message);
  const events = (await store.events()).filter(({ reason }) => reason === "QuorumLost");
  assert.match(events[0]?.note ?? "", /\d/);
  // Longer than it would wait to replace one.
  await becomes(
    "the brake of a replacement has run out",
    async () => performance.now() > startedMs + 60_000 || new NotYet("waiting"),
    { withinMs: 90_000 },
  );
  assert.deepEqual(ids(await store.status()), ids({ members }), "membership was touched");
  assert.equal((await store.claims()).length, 3);
  for (const node of victims) await undo(node);
  const { seconds: back } = await timed(() => store.settles(300_000));
  stage().measure(t, { "told after s": seconds, "time to ready after their return s": back });
  assert.equal((await store.status()).clusterId, clusterId);
  const kept = await shell.curl("", "/v1/kv/load/kept");
  assert.deepEqual([kept.status, kept.body], [200, "kept"]);
});

const ids = ({ members = [] }: { members?: readonly { nodeId: number }[] | undefined }): number[] =>
  members.map(({ nodeId }) => nodeId).sort((a, b) => a - b);
