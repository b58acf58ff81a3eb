/** The hook of a pod before SIGTERM, run against real nodes as the kubelet runs it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DEADLINE, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const program = join(import.meta.dirname, "../../node/src/pre-stop.ts");
/** Without a hand-over nobody would lead before an election timeout (1 to 2 s) has passed. */
const ELECTION_TIMEOUT_MS = 1_000;
const STOPPED_IN_ORDER = { code: 0, signal: null };

interface HookRun {
  readonly code: number | null;
  readonly said: string;
  readonly ms: number;
}

async function runHook(configFile: string): Promise<HookRun> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program, "--config", configFile], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : null, said, ms: performance.now() - startedMs };
}

const configOf = (cluster: TestCluster, node: TestNode): string =>
  join(cluster.folder, node.name, "config.json");

/** As the kubelet ends a pod: the hook, then SIGTERM. @returns how long SIGTERM took, ms */
async function endPod(cluster: TestCluster, node: TestNode, t: TestContext): Promise<number> {
  const hook = await runHook(configOf(cluster, node));
  t.diagnostic(`${node.name}: ${hook.said.trim()}`);
  assert.equal(hook.code, 0);
  assert.match(hook.said, /drain: 200 after \d+ ms/);
  const { ready, role } = await cluster.at(node).readiness();
  assert.equal(ready, false, "load balancers must leave it alone");
  assert.notEqual(role, "leader");
  assert.equal(await cluster.at(node).get("load/none"), null, "it serves until SIGTERM");
  const startedMs = performance.now();
  assert.deepEqual(await node.terminate(), STOPPED_IN_ORDER, node.logTail());
  return performance.now() - startedMs;
}

test(
  "the hook moves leadership away before SIGTERM, which then is quick",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const leader = await cluster.leader();
    // Writers use the other nodes, as clients do once a Service has dropped this one.
    const load = new WriteLoad(cluster.client(cluster.others(leader))).start();
    await load.progresses();
    const { node: before } = await cluster.at(leader).cluster();
    const fromMs = performance.now();
    const endedMs = await endPod(cluster, leader, t);
    await load.progresses();
    const gapMs = load.history.longestGapMs(fromMs, performance.now());
    const heir = await cluster.leader(cluster.others(leader));
    const { node: after } = await cluster.at(heir).cluster();
    t.diagnostic(`gap of writes ${gapMs.toFixed(0)} ms; SIGTERM took ${endedMs.toFixed(0)} ms`);
    assert.equal(after.term, before.term + 1, "one election, asked for by the old leader");
    assert.ok(gapMs < ELECTION_TIMEOUT_MS, `no write for ${gapMs} ms`);
    assert.ok(endedMs < ELECTION_TIMEOUT_MS, `SIGTERM took ${endedMs} ms`);
    leader.start();
    await cluster.isReady(leader);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a cluster whose pods all end at once ends in order, and is found again",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses(100);
    const written = await load.stop();
    const startedMs = performance.now();
    const runs = await Promise.all(cluster.nodes.map((node) => runHook(configOf(cluster, node))));
    for (const run of runs) assert.equal(run.code, 0, run.said);
    const hooksMs = performance.now() - startedMs;
    const ends = await Promise.all(cluster.nodes.map((node) => node.terminate()));
    for (const end of ends) assert.deepEqual(end, STOPPED_IN_ORDER);
    const allMs = performance.now() - startedMs;
    t.diagnostic(`hooks ${hooksMs.toFixed(0)} ms, all ended ${allMs.toFixed(0)} ms`);
    for (const { said } of runs) t.diagnostic(said.trim());
    for (const node of cluster.nodes) node.start();
    await cluster.areReady();
    t.diagnostic(await verify(cluster, [written]));
  }),
);

test(
  "a node that is ended while it starts ends at once, as it must as process 1 of a container",
  DEADLINE,
  onCluster(
    async (cluster) => {
      const [node] = cluster.nodes;
      assert.ok(node !== undefined);
      await node.kill();
      const isEndedEarly = async (): Promise<boolean> => {
        const before = node.log().length;
        node.start();
        const isStarting = (): boolean => node.log().slice(before).includes('"msg":"starting"');
        await eventually("it starts", async () => isStarting(), { everyMs: 2 });
        assert.deepEqual(await node.terminate(), STOPPED_IN_ORDER);
        return !node.log().slice(before).includes('"msg":"recovered"');
      };
      // A start is short: the signal may come when it is over.
      let starts = 1;
      while (!(await isEndedEarly())) assert.ok(starts++ < 10, "never while it started");
      node.start();
      await cluster.isReady(node);
    },
    { nodes: 1 },
  ),
);

test(
  "the hook ends with 0 when there is no leader, node, answer, secret or configuration",
  DEADLINE,
  onCluster(
    async (cluster) => {
      const node = await cluster.addProcess();
      await cluster.answers(node);
      const configFile = configOf(cluster, node);
      const expects = async (words: RegExp): Promise<HookRun> => {
        const run = await runHook(configFile);
        assert.equal(run.code, 0);
        assert.match(run.said, words);
        return run;
      };
      await expects(/drain: 200 .*"leader":null/);
      await node.kill();
      await expects(/not asked to hand over: fetch failed: connect ECONNREFUSED/);
      const silent = createServer(() => {}).listen(Number(new URL(node.clientAddress).port));
      await once(silent, "listening");
      const { ms } = await expects(/not asked to hand over: .*timeout/);
      silent.close();
      assert.ok(ms < 8_000, `took ${ms} ms`);
      const secret = "short but secret";
      writeFileSync(cluster.secrets.tokenSecret, secret);
      chmodSync(cluster.secrets.tokenSecret, 0o644);
      const { said } = await expects(/jwt-secret has mode 0644: a secret must not be open/);
      assert.equal(said.includes(secret), false);
      rmSync(configFile);
      await expects(/config\.json: cannot be read/);
    },
    { nodes: 1 },
  ),
);
