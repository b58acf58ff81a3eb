/**
 * A balancer with short intervals before backends of the test kit; closed when the test is over.
 */
import assert from "node:assert/strict";
import { after } from "node:test";
import { type Backend, startBackend } from "../http/backend.test-kit.ts";
import { Balancer } from "./balancer.ts";
import type { BalancerLimits } from "./balancer-settings.ts";

const quick: Partial<BalancerLimits> = {
  checkIntervalMs: 50,
  checkTimeoutMs: 150,
  closeGraceMs: 500,
};

export async function startBalancer(
  nodes: readonly Backend[],
  limits: Partial<BalancerLimits> = {},
): Promise<Balancer> {
  const balancer = new Balancer({
    host: "127.0.0.1",
    port: 0,
    nodes: nodes.map(({ url }) => url),
    limits: { ...quick, ...limits },
  });
  await balancer.start();
  after(() => balancer.close());
  return balancer;
}

export async function startPair(
  limits: Partial<BalancerLimits> = {},
): Promise<{ a: Backend; b: Backend; balancer: Balancer }> {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  return { a, b, balancer: await startBalancer([a, b], limits) };
}

export function lead(leader: Backend, all: readonly Backend[]): void {
  for (const backend of all) {
    backend.leader = { name: leader.name, clientAddress: leader.url };
    backend.role = backend === leader ? "leader" : "follower";
  }
}

export async function problemOf(answer: Response): Promise<Record<string, unknown>> {
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  return (await answer.json()) as Record<string, unknown>;
}
