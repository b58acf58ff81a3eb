/**
 * What goes wrong, one kind each. A fault begins, lasts and ends by itself, with every node running
 * afterwards; whether they have recovered when the next one begins is left to chance.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { KVClientError } from "@kvcluster/client";
import type { TestNode } from "../cluster/node.test-kit.ts";
import { eventually, pause } from "../cluster/polling.test-kit.ts";
import type { Random } from "../simulation/random.test-kit.ts";
import type { LinkState } from "./fault-network.test-kit.ts";
import type { Site } from "./site.test-kit.ts";

export interface Scene {
  readonly site: Site;
  readonly random: Random;
  /** Writes answered so far. */
  readonly written: () => number;
  /** History before it is no longer needed. */
  readonly baseRevision: number;
}

export type Fault = (scene: Scene) => Promise<void>;

/** Kept by the leader for followers that lag (site.test-kit.ts), and a margin. */
const ENTRIES_FOR_A_SNAPSHOT = 800;
const HELD: LinkState = { type: "held" };

const some = ({ site, random }: Scene): TestNode => random.pick(site.cluster.nodes);
const leaderOf = ({ site }: Scene): Promise<TestNode> => site.cluster.leader();

/** Long enough for an election most of the time. */
const lasts = ({ random }: Scene): Promise<void> => pause(random.between(600, 2_200));

async function killed(scene: Scene, nodes: readonly TestNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.kill()));
  if (nodes.length === 1) await lasts(scene);
  for (const node of nodes) node.start();
}

async function paused(scene: Scene, node: TestNode): Promise<void> {
  node.pause();
  await lasts(scene);
  node.resume();
}

/**
 * A leader that is stopped while it is cut off, and runs again before it hears of anybody: for its
 * own clock no time has passed, so that only a majority can tell it that it leads no more.
 */
async function stoppedWhileCutOff(scene: Scene): Promise<void> {
  const { site, written } = scene;
  const leader = await leaderOf(scene);
  const links = [...linksFrom(site, leader), ...linksTo(site, leader)];
  for (const [from, to] of links) site.network.set(from.name, to.name, HELD);
  leader.pause();
  await site.cluster.leader(site.cluster.others(leader));
  const until = written() + 30;
  await eventually("the others write on", () => written() >= until);
  leader.resume();
  await lasts(scene);
  site.network.heal();
}

/** Holds links from some nodes to others for a while; some connections are reset afterwards. */
async function held(
  scene: Scene,
  links: readonly (readonly [TestNode, TestNode])[],
): Promise<void> {
  const { network } = scene.site;
  for (const [from, to] of links) network.set(from.name, to.name, HELD);
  await lasts(scene);
  for (const [from, to] of links) {
    if (scene.random.chance(0.5)) network.reset(from.name, to.name);
  }
  network.heal();
}

const linksFrom = (site: Site, node: TestNode): (readonly [TestNode, TestNode])[] =>
  site.cluster.others(node).map((other) => [node, other] as const);

const linksTo = (site: Site, node: TestNode): (readonly [TestNode, TestNode])[] =>
  site.cluster.others(node).map((other) => [other, node] as const);

const allLinks = (site: Site): (readonly [TestNode, TestNode])[] =>
  site.cluster.nodes.flatMap((node) => linksFrom(site, node));

async function isolated(scene: Scene, node: TestNode): Promise<void> {
  await held(scene, [...linksFrom(scene.site, node), ...linksTo(scene.site, node)]);
}

async function delayed(scene: Scene): Promise<void> {
  const { site, random } = scene;
  for (const [from, to] of allLinks(site)) {
    const delayMs = random.between(1, 60);
    site.network.set(from.name, to.name, { type: "delayed", delayMs });
  }
  await lasts(scene);
  site.network.heal();
}

async function cutInFrames(scene: Scene): Promise<void> {
  const { site, random } = scene;
  let cuts = 0;
  await eventually("connections are cut in a frame", async () => {
    const [from, to] = random.pick(allLinks(site));
    cuts += site.network.cutInFrame(from.name, to.name);
    await pause(random.between(20, 150));
    return cuts >= 8;
  });
}

const isLive = async (node: TestNode): Promise<boolean> =>
  (await fetch(`${node.clientAddress}/livez`)).ok;

async function restarted(scene: Scene): Promise<void> {
  const node = some(scene);
  // A process that the fault before has just started may not listen to signals yet.
  await eventually(`${node.name} serves its probes`, () => isLive(node));
  const { code } = await node.terminate();
  assert.equal(code, 0, `${node.name} ended with ${code} when it was asked to`);
  node.start();
}

async function transferred({ site }: Scene): Promise<void> {
  await tolerate(() => site.cluster.client().admin.transferLeader(null, { timeoutMs: 3_000 }));
}

/** A member is removed, loses its disk, and is admitted again as another. */
async function replaced(scene: Scene, choose: (scene: Scene) => Promise<TestNode>): Promise<void> {
  const { cluster } = scene.site;
  await cluster.isComplete();
  const node = await choose(scene);
  const others = cluster.others(node);
  await cluster.change(
    `remove ${node.name}`,
    async (admin) => {
      await tolerate(() => admin.removeMember(node.name));
      const members = await cluster.client(others).members();
      return members.every(({ name }) => name !== node.name);
    },
    others,
  );
  await lasts(scene);
  await node.kill();
  rmSync(node.dataFolder, { recursive: true });
  node.start();
  await cluster.answers(node);
  await cluster.admit(node);
  await scene.site.learnNames();
  await cluster.isComplete();
}

/** A node is away for longer than the log is kept. */
async function outrun(scene: Scene): Promise<void> {
  const { cluster } = scene.site;
  await cluster.isComplete();
  const node = some(scene);
  await node.kill();
  const until = scene.written() + ENTRIES_FOR_A_SNAPSHOT;
  await eventually("the others write on", () => scene.written() >= until);
  node.start();
  await cluster.isReady(node);
  const page = await (await fetch(`${node.metricsAddress}/metrics`)).text();
  const installed = /^kvcluster_snapshots_installed_total\S* (\d+)/m.exec(page)?.[1];
  assert.ok(Number(installed) >= 1, `${node.name} caught up without a snapshot`);
}

/** History is forgotten while a node dies. */
async function compacted(scene: Scene): Promise<void> {
  const { site, baseRevision } = scene;
  const node = some(scene);
  const compacting = tolerate(() => site.cluster.client().compact(baseRevision));
  await pause(scene.random.between(0, 30));
  await killed(scene, [node]);
  await compacting;
}

async function stalled(scene: Scene): Promise<void> {
  const disk = scene.site.diskOf(some(scene));
  await disk.freeze();
  await lasts(scene);
  await disk.thaw();
}

async function slowed(scene: Scene): Promise<void> {
  const disk = scene.site.diskOf(some(scene));
  for (let i = scene.random.integer(5, 12); i > 0; i -= 1) {
    await disk.freeze();
    await pause(scene.random.between(20, 200));
    await disk.thaw();
    await pause(scene.random.between(5, 50));
  }
}

/** A refusal or an unknown outcome of an administrator's request is part of the game. */
async function tolerate(task: () => Promise<unknown>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof KVClientError)) throw error;
  }
}

/** Faults that any machine can play. */
export const plainFaults: Readonly<Record<string, Fault>> = {
  "kill -9 of a node": (scene) => killed(scene, [some(scene)]),
  "kill -9 of the leader": async (scene) => killed(scene, [await leaderOf(scene)]),
  "kill -9 of all": (scene) => killed(scene, scene.site.cluster.nodes),
  "SIGSTOP of a node": (scene) => paused(scene, some(scene)),
  "SIGSTOP of the leader": async (scene) => paused(scene, await leaderOf(scene)),
  "partition of a node": (scene) => isolated(scene, some(scene)),
  "partition of the leader": async (scene) => isolated(scene, await leaderOf(scene)),
  "leader stopped while cut off": stoppedWhileCutOff,
  "leader is not heard": async (scene) => held(scene, linksFrom(scene.site, await leaderOf(scene))),
  "leader hears nobody": async (scene) => held(scene, linksTo(scene.site, await leaderOf(scene))),
  "one link in one direction": (scene) => held(scene, [scene.random.pick(allLinks(scene.site))]),
  "slow links": delayed,
  "connections cut in a frame": cutInFrames,
  "restart in order": restarted,
  "leadership transfer": transferred,
  "member replaced": (scene) => replaced(scene, async () => some(scene)),
  "leader replaced": (scene) => replaced(scene, leaderOf),
  "catch-up by snapshot": outrun,
  "history compacted, node killed": compacted,
};

/** Faults of disks that are file systems of their own. */
export const diskFaults: Readonly<Record<string, Fault>> = {
  "power loss of a node": ({ site, random }) => site.losePower([random.pick(site.cluster.nodes)]),
  "power loss of the leader": async (scene) => scene.site.losePower([await leaderOf(scene)]),
  "power loss of all": ({ site }) => site.losePower(site.cluster.nodes),
  "stalled disk": stalled,
  "slow disk": slowed,
};
