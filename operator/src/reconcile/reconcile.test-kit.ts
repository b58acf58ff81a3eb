/** Ports that a test scripts, and a pass run over them. */
import assert from "node:assert/strict";
import type {
  Action,
  EventIntent,
  KubeAction,
  KubeObject,
  KVCluster,
  KVClusterStatus,
  NodeView,
  Observed,
  ObservedPod,
  ObservedStatefulSet,
  Plan,
} from "../model/index.ts";
import { makeCluster } from "../model/plan/plan.test-kit.ts";
import type { KubePort, KubeView, MembersPort, StoreResult } from "./ports.ts";
import { type ReconcileParts, type ReconcileResult, reconcile } from "./reconcile.ts";

export type Reconciled = Extract<ReconcileResult, { readonly type: "reconciled" }>;

export const key = { namespace: "test", name: "demo" };

export const object = (kind: string, apiVersion = "v1", spec: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "demo", namespace: "test" },
  spec,
});
export const apply = (kind: string, apiVersion = "v1", spec: object = {}): KubeAction => ({
  type: "apply",
  object: object(kind, apiVersion, spec),
  why: "test",
});
export const deletePod: KubeAction = {
  type: "deletePod",
  pod: "demo-1",
  uid: "p1",
  force: false,
  why: "",
};
export const evictPod: KubeAction = { type: "evictPod", pod: "demo-1", uid: "p1", why: "" };
export const deleteClaim: KubeAction = {
  type: "deleteClaim",
  claim: "data-demo-2",
  uid: "c2",
  member: "demo-2",
  why: "",
};
export const addMember: Action = { type: "addMember", pod: "demo-1", why: "" };

export const podAt = (ip: string): ObservedPod => ({
  name: "demo-0",
  ordinal: 0,
  uid: "p0",
  revision: "r",
  ip,
  nodeName: "n",
  phase: "Running",
  isReady: true,
  readySince: 0,
  deletingUntil: null,
  restarts: 0,
  problem: null,
  image: "kv:1",
});
export const answered: NodeView = {
  pod: "demo-0",
  type: "answered",
  phase: "serving",
  isReady: true,
  reasons: [],
  status: null,
  version: null,
};

export const codeError = (code: string, message = "no"): Error =>
  Object.assign(new Error(message), { code });

/** Ports that note what they are asked, and fail where a test wants it. */
export class Ports implements KubePort, MembersPort {
  readonly calls: string[] = [];
  readonly statuses: KVClusterStatus[] = [];
  readonly events: EventIntent[] = [];
  cached: KVCluster | null = makeCluster();
  fresh: KVCluster | null = this.cached;
  cachedPods: readonly ObservedPod[] = [podAt("1.1.1.1")];
  freshPods: readonly ObservedPod[] = this.cachedPods;
  statefulSet: ObservedStatefulSet | null = null;
  failing: Map<string, Error> = new Map();
  members: ReadonlySet<string> = new Set(["demo-0"]);
  result: StoreResult = { type: "done" };
  surveyed: readonly NodeView[] = [answered];

  async #call(name: string): Promise<void> {
    this.calls.push(name);
    const error = this.failing.get(name);
    if (error !== undefined) throw error;
  }

  async cluster(_key: unknown, mode = "cached"): Promise<KVCluster | null> {
    if (mode === "fresh") await this.#call("read cluster");
    return mode === "fresh" ? this.fresh : this.cached;
  }
  async look(cluster: KVCluster, mode = "cached"): Promise<KubeView> {
    await this.#call(`look ${mode}`);
    return {
      cluster,
      children: new Map(),
      secrets: new Map(),
      configMaps: new Map(),
      statefulSet: this.statefulSet,
      pods: mode === "fresh" ? this.freshPods : this.cachedPods,
      claims: [],
      issuer: { type: "unknown", why: "" },
      capabilities: { serviceMonitor: false, prometheusRule: false },
    };
  }
  async adminSecret(): Promise<Uint8Array | null> {
    await this.#call("secret");
    return new Uint8Array(32);
  }
  async survey(): Promise<readonly NodeView[]> {
    await this.#call("survey");
    return this.surveyed;
  }
  async confirmMembers(): Promise<ReadonlySet<string>> {
    await this.#call("confirm");
    return this.members;
  }
  async execute(_cluster: KVCluster, action: Action, access?: unknown): Promise<never> {
    const what = "object" in action ? `${action.type} ${action.object.kind}` : action.type;
    await this.#call(access === undefined ? what : `store ${what}`);
    return this.result as never;
  }
  async writeStatus(cluster: KVCluster, status: KVClusterStatus): Promise<void> {
    await this.#call("status");
    if (cluster !== this.fresh) throw codeError("conflict");
    this.statuses.push(status);
  }
  async recordEvent(_cluster: KVCluster, event: EventIntent): Promise<void> {
    await this.#call(`event ${event.reason}`);
    this.events.push(event);
  }
  forget(): void {
    this.calls.push("forget");
  }
}

export type Planned = Partial<Plan> & { readonly actions: readonly Action[] };

export const partsOf = (ports: Ports, plan: (observed: Observed) => Planned): ReconcileParts => ({
  kube: ports,
  members: ports,
  clock: { now: () => 0 },
  defaults: { image: "kv:1", operatorNamespace: "system", operatorLabels: {} },
  plan: (observed) => ({
    events: [],
    story: [],
    status: observed.cluster.status ?? {},
    requeueAfterMs: 30_000,
    ...plan(observed),
  }),
});

export async function run(
  ports: Ports,
  plan: (observed: Observed) => Planned,
): Promise<Reconciled> {
  const result = await reconcile(partsOf(ports, plan), key);
  assert.ok(result.type === "reconciled", result.type);
  return result;
}

export const always =
  (...actions: readonly Action[]) =>
  (): Planned => ({ actions });
