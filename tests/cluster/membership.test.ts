/** Members come, go, lose their disks and come back under a load. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { DEADLINE, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

async function removeMember(cluster: TestCluster, node: TestNode): Promise<void> {
  const others = cluster.others(node);
  await cluster.change(`remove ${node.name}`, (admin) => admin.removeMember(node.name), others);
  await eventually(`${node.name} is no member`, async () => {
    const members = await cluster.client(others).members();
    return members.every(({ name }) => name !== node.name);
  });
}

/** A removed node says so and serves nothing. */
async function knowsThatItIsRemoved(cluster: TestCluster, node: TestNode): Promise<void> {
  await eventually(`${node.name} knows`, async () => {
    const { phase, ready } = await cluster.at(node).readiness();
    return phase === "removed" && !ready;
  });
  await assert.rejects(cluster.at(node).set("removed/put", "x"), { code: "REMOVED" });
  await assert.rejects(cluster.at(node).get("removed/put"), { code: "REMOVED" });
}

const drop = async (cluster: TestCluster, node: TestNode): Promise<void> => {
  await node.kill();
  cluster.nodes.splice(cluster.nodes.indexOf(node), 1);
};

test(
  "3 → 4 → 5 → 4 → 3 members under load, the leader among those removed",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    for (const name of ["node-4", "node-5"]) {
      const node = await cluster.addProcess(name);
      const id = await cluster.admit(node);
      await cluster.isComplete();
      t.diagnostic(`${name} joined as member ${id}`);
      await load.progresses();
    }
    const follower = cluster.others(await cluster.leader())[0] ?? assert.fail("no follower");
    await removeMember(cluster, follower);
    await knowsThatItIsRemoved(cluster, follower);
    await load.progresses();
    await drop(cluster, follower);

    const leader = await cluster.leader();
    const removedAtMs = performance.now();
    await removeMember(cluster, leader);
    await cluster.leader(cluster.others(leader), { everyMs: 5 });
    const electedMs = performance.now() - removedAtMs;
    await load.progresses();
    t.diagnostic(`the leader was removed and replaced within ${electedMs.toFixed(0)} ms`);
    await knowsThatItIsRemoved(cluster, leader);
    await drop(cluster, leader);
    const { members } = await cluster.client().cluster();
    assert.equal(members.length, 3);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a node whose folder is gone is blank, inert, and joins under a new id",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    const [lost] = cluster.others(await cluster.leader());
    assert.ok(lost !== undefined);
    const others = cluster.others(lost);
    const before = await cluster.client(others).members();
    const oldId = before.find(({ name }) => name === lost.name)?.id ?? assert.fail("no member");
    await lost.kill();
    rmSync(lost.dataFolder, { recursive: true });
    lost.start();
    assert.equal((await cluster.answers(lost)).phase, "blank");
    await assert.rejects(cluster.at(lost).get("load/0/p0"), { code: "NOT_BOOTSTRAPPED" });
    await assert.rejects(cluster.at(lost).set("blank/put", "x"), { code: "NOT_BOOTSTRAPPED" });
    const { node } = await cluster.at(await cluster.leader(others)).cluster();
    await load.progresses(200);
    const later = await cluster.at(await cluster.leader(others)).cluster();
    assert.equal(later.node.term, node.term, "a blank node disturbs nobody");
    assert.equal((await cluster.at(lost).readiness()).phase, "blank", "it waits for join");

    await removeMember(cluster, lost);
    const newId = await cluster.admit(lost);
    assert.ok(newId > oldId, `id ${newId} after ${oldId}`);
    await cluster.isComplete();
    await load.progresses();
    t.diagnostic(`member ${oldId} came back as ${newId}`);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);
