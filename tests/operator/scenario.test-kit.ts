/** Scripts of what users and machines do, run until all is quiet, and what is left at the end. */
import assert from "node:assert/strict";
import type { KVCluster } from "../../operator/src/model/index.ts";
import { createRandom } from "../../operator/src/model/plan/world-random.test-kit.ts";
import type { Planner, ReconcileResult } from "../../operator/src/reconcile/index.ts";
import { ApiServer } from "./api-server.test-kit.ts";
import { type Kill, OperatorProcess, type ProcessOptions } from "./operator-process.test-kit.ts";

/** One thing that happens; the cluster settles after it. */
export type Step = (server: ApiServer) => void;

export interface RunOptions {
  readonly kill?: Kill | null;
  readonly lateBy?: number;
  /** Of the caches' lateness. */
  readonly seed?: number;
  readonly plan?: Planner;
}

export interface Run {
  readonly server: ApiServer;
  /** Every write that the operator made, in order. */
  readonly writes: readonly string[];
  readonly wasKilled: boolean;
}

const QUIET_PASSES = 4;
const PASSES_MAX = 600;

/** A world and the operator in it: a killed process is started again, fresh. */
export class Stage {
  readonly server: ApiServer = new ApiServer(7);
  wasKilled = false;
  readonly #options: ProcessOptions;
  readonly #lateBy: number;
  readonly #writes: string[] = [];
  #process: OperatorProcess;

  constructor({ kill = null, lateBy = 0, seed = 11, plan }: RunOptions = {}) {
    const random = createRandom(seed);
    this.#lateBy = lateBy;
    this.#options = { lateBy, random, ...(plan === undefined ? {} : { plan }) };
    this.#process = new OperatorProcess(this.server, { ...this.#options, kill });
  }

  get writes(): readonly string[] {
    return [...this.#writes, ...this.#process.writes];
  }

  /** A pass, then time. @param kill of this pass's writes, from 0 */
  async pass(kill: Kill | null = null): Promise<ReconcileResult | "killed"> {
    if (kill !== null) this.#restart(kill);
    const result = await this.#process.pass();
    if (result === "killed") this.wasKilled = true;
    if (result === "killed") this.#restart(null);
    assert.deepEqual(this.server.violations.map(String), []);
    this.server.world.tick();
    return result;
  }

  #restart(kill: Kill | null): void {
    this.#writes.push(...this.#process.writes);
    this.#process = new OperatorProcess(this.server, { ...this.#options, kill });
  }

  /** Passes and time until nothing is written and nothing is left to do. */
  async settle(what: string): Promise<void> {
    let quiet = 0;
    let last: ReconcileResult | "killed" = "killed";
    for (let passes = 0; passes < PASSES_MAX; passes += 1) {
      const before = this.writes.length;
      last = await this.pass();
      quiet = this.writes.length === before && isAtRest(last) ? quiet + 1 : 0;
      if (quiet >= QUIET_PASSES + this.#lateBy) return;
    }
    const told = last === "killed" || last.type === "gone" ? last : { ...last, cluster: null };
    const recent = this.writes.slice(-20).join("; ");
    assert.fail(`${what} does not settle: ${JSON.stringify(told, null, 1)} after ${recent}`);
  }
}

/** Runs a scenario from nothing. */
export async function run(steps: readonly Step[], options: RunOptions = {}): Promise<Run> {
  const stage = new Stage(options);
  for (const [index, step] of steps.entries()) {
    step(stage.server);
    await stage.settle(`step ${index}`);
  }
  const { server, writes, wasKilled } = stage;
  return { server, writes, wasKilled };
}

function isAtRest(result: ReconcileResult | "killed"): boolean {
  if (result === "killed") return false;
  if (result.type === "gone") return true;
  const { failures, status } = result;
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  return failures.length === 0 && progressing?.status === "False";
}

/** What counts at the end: no ids, versions or times, which differ from run to run. */
export function endState(server: ApiServer): object {
  const { world, children, secrets, cluster } = server;
  const { members, bootstraps } = world.store;
  return {
    bootstraps,
    members: members.map(({ name, role }) => `${name} ${role}`).toSorted(),
    children: Object.fromEntries(
      [...children.entries()].toSorted().map(([key, object]) => [key, withoutIds(object)]),
    ),
    secrets: [...secrets.values()].map(({ name, isOwned }) => `${name} ${isOwned}`).toSorted(),
    ...(server.view().statefulSet === null
      ? {}
      : { replicas: server.view().statefulSet?.replicas }),
    pods: server.view().pods.map(({ name, revision, isReady }) => `${name} ${revision} ${isReady}`),
    claims: server.view().claims.map(({ name, isOwned }) => `${name} ${isOwned}`),
    status: cluster === null ? null : statusOf(cluster),
  };
}

function statusOf({ status = {} }: KVCluster): object {
  const { conditions, members, ready, replicas, readyReplicas, image, selector } = status;
  return {
    conditions: conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`),
    members: members?.map(({ name, health }) => `${name} ${health}`).toSorted(),
    hasClusterId: status.clusterId !== undefined,
    ...{ ready, replicas, readyReplicas, image, selector },
  };
}

const idFields: ReadonlySet<string> = new Set(["uid", "resourceVersion", "filledIn"]);

function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !idFields.has(name))
      .map(([name, inner]) => [name, withoutIds(inner)]),
  );
}
