/**
 * What the attacks of this suite are aimed at: one real node process, the balancer of the local
 * cluster in front of it, and tokens. One node: what matters here are the doors, not the quorum.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { mintToken } from "@kvcluster/client";
import type { KvClaim, Problem } from "@kvcluster/protocol";
import { Balancer } from "../../client/src/local/index.ts";
import { TestCluster } from "../cluster/cluster.test-kit.ts";
import type { Settings, TestNode } from "../cluster/node.test-kit.ts";
import { eventually } from "../cluster/polling.test-kit.ts";

/** A test that takes longer hangs. */
export const DEADLINE: { readonly timeout: number } = { timeout: 60_000 };

export const everything: KvClaim = [{ prefix: "", verbs: ["read", "write", "admin"] }];

/** On a connection of its own: the target closes idle ones so soon that a client could meet it. */
export const fetchOnce = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, headers: { ...init.headers, connection: "close" } });

export interface Target {
  readonly cluster: TestCluster;
  readonly node: TestNode;
  /** The node, and the balancer before it: base URLs. */
  readonly doors: readonly { readonly name: string; readonly url: string }[];
  /** A token of the cluster's own secret. */
  token(grants?: KvClaim, subject?: string): string;
  /** Sends with a token for everything unless `init` has another. */
  send(path: string, init?: RequestInit): Promise<Response>;
  /** The node still runs, is ready, writes and reads. */
  isUnharmed(): Promise<void>;
}

type TimeLimit = "requestDefaultMs" | "requestMaxMs" | "headersMs" | "bodyMs" | "keepAliveMs";

/** What every target has unless told otherwise: time limits that a test can wait for. */
export const quick: { readonly timeouts: Readonly<Record<TimeLimit, number>> } = {
  timeouts: {
    requestDefaultMs: 1_000,
    requestMaxMs: 1_000,
    headersMs: 800,
    bodyMs: 1_000,
    keepAliveMs: 500,
  },
};

const endings: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of endings.reverse()) await end();
});

/** Stands until all tests of the file are over: what `before` starts serves them all. */
export async function startTarget(settings: Settings = quick): Promise<Target> {
  const cluster = new TestCluster({ nodes: 1, settings });
  endings.push(() => cluster.destroy());
  const node = await cluster.addProcess();
  const secret = Buffer.from(readFileSync(cluster.secrets.tokenSecret, "utf8").trim());
  const token = (grants: KvClaim = everything, subject = "attacker"): string =>
    mintToken({ secret, subject, ttlSeconds: 600, grants });
  const all = token();
  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetchOnce(`${node.clientAddress}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${all}`, ...init.headers },
    });
  // Not by the client of the kit, whose deadlines are longer than this node allows.
  const stands = (path: string) => async (): Promise<boolean> =>
    (await fetchOnce(`${node.clientAddress}${path}`)).ok;
  await eventually("the process is up", stands("/startupz"));
  assert.ok((await send("/v1/cluster/bootstrap", { method: "POST" })).ok, node.logTail());
  await eventually("the node is ready", stands("/readyz"));
  const balancer = new Balancer({
    host: "127.0.0.1",
    port: 0,
    nodes: [node.clientAddress],
    limits: {
      clientHeadersTimeoutMs: quick.timeouts.headersMs,
      clientRequestTimeoutMs: quick.timeouts.bodyMs,
      clientIdleTimeoutMs: quick.timeouts.keepAliveMs,
      clientStallTimeoutMs: 2_000,
    },
  });
  await balancer.start();
  endings.push(() => balancer.close());
  return {
    cluster,
    node,
    doors: [
      { name: "node", url: node.clientAddress },
      { name: "balancer", url: balancer.address },
    ],
    token,
    send,
    isUnharmed: async () => {
      cluster.assertNoUnexpectedEnd();
      const key = "/v1/kv/still-here";
      const put = await send(key, { method: "PUT", body: "yes" });
      assert.ok(put.ok, `a write after the attack: ${put.status}`);
      assert.equal(await (await send(key)).text(), "yes");
    },
  };
}

/** The problem document of a refusal, whose status and code are as wanted. */
export async function refusalOf(answer: Response, status: number, code: string): Promise<Problem> {
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const problem: Problem = JSON.parse(text);
  assert.equal(problem.code, code, text);
  return problem;
}
