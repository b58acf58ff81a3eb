/** One KVCluster of a test: made, watched, measured and changed from outside, as by its owner. */
import assert from "node:assert/strict";
import type { Condition, KVClusterStatus } from "../../../operator/src/model/index.ts";
import { describePod, isReady, type Kube, type KubeItem, type Pod } from "./kube.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

export interface KVClusterItem extends KubeItem {
  readonly metadata: KubeItem["metadata"] & { readonly generation: number };
  readonly spec: { readonly replicas: number; readonly image?: string };
  readonly status?: KVClusterStatus;
}

export interface StoreEvent extends KubeItem {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

const API = "/apis/kvcluster.io/v1alpha1";
const METRICS_PORT = 8_000;
/** Three pods start, form a cluster and catch up, on a small machine that is busy. */
export const SETTLE_MS = 180_000;
/** Pods that are made anew, at most, until all stand on machines of their own. */
const SPREAD_TRIES_MAX = 3;

export class Store {
  readonly kube: Kube;
  readonly namespace: string;
  readonly name: string;

  constructor(kube: Kube, namespace: string, name: string) {
    this.kube = kube;
    this.namespace = namespace;
    this.name = name;
  }

  /** The client Service by its DNS name. */
  get url(): string {
    return `http://${this.name}.${this.namespace}.svc:5000`;
  }

  /** One pod by its DNS name, below the Service without an address. */
  podUrl(pod: string): string {
    return `http://${pod}.${this.name}-peers.${this.namespace}.svc:5000`;
  }

  get audience(): string {
    return `${this.namespace}/${this.name}`;
  }

  get path(): string {
    return `${API}/namespaces/${this.namespace}/kvclusters/${this.name}`;
  }

  /** Makes it, with the service account `load` allowed to read and write `load/`. */
  async create(spec: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { namespace, name } = this;
    await this.kube.apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "load", namespace } },
      {
        apiVersion: "kvcluster.io/v1alpha1",
        kind: "KVCluster",
        metadata: { name, namespace },
        spec: {
          replicas: 3,
          storage: { size: "512Mi" },
          auth: {
            policies: [
              {
                name: "load",
                serviceAccounts: [{ name: "load" }],
                grants: [{ prefix: "load/", verbs: ["read", "write"] }],
              },
            ],
          },
          ...spec,
        },
      },
    );
  }

  async delete(): Promise<void> {
    const { namespace, name } = this;
    await this.kube.kubectl(["-n", namespace, "delete", "kvc", name, "--timeout=60s"]);
  }

  async change(spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.kube.patch(this.path, { spec });
  }

  /** As a person does it. */
  async scale(replicas: number): Promise<void> {
    const { namespace, name } = this;
    await this.kube.kubectl(["-n", namespace, "scale", "kvc", name, `--replicas=${replicas}`]);
  }

  resource(): Promise<KVClusterItem> {
    return this.kube.get<KVClusterItem>(this.path);
  }

  async status(): Promise<KVClusterStatus> {
    return (await this.resource()).status ?? {};
  }

  async condition(type: Condition["type"]): Promise<Condition | null> {
    const { conditions = [] } = await this.status();
    return conditions.find((condition) => condition.type === type) ?? null;
  }

  async pods(): Promise<readonly Pod[]> {
    const pods = await this.kube.pods(this.namespace, this.selector);
    return [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  get selector(): string {
    return `app.kubernetes.io/name=kvcluster,app.kubernetes.io/instance=${this.name}`;
  }

  async pod(name: string): Promise<Pod> {
    return await this.kube.get<Pod>(`/api/v1/namespaces/${this.namespace}/pods/${name}`);
  }

  /** The pod of that name is another than `uid`, and ready. */
  async isMadeAnew(name: string, uid: string, withinMs: number = SETTLE_MS): Promise<void> {
    await becomes(
      `${name} is a new pod and ready`,
      async () => {
        const pod = (await this.pods()).find(({ metadata }) => metadata.name === name);
        if (pod === undefined) return new NotYet("no pod");
        return (pod.metadata.uid !== uid && isReady(pod)) || new NotYet(describePod(pod));
      },
      { withinMs },
    );
  }

  /** As `isMadeAnew`, of every pod. @param before what `uids` gave */
  async areMadeAnew(before: ReadonlyMap<string, string>): Promise<void> {
    await becomes(
      "every pod was made anew",
      async () => {
        const now = await this.uids();
        const old = [...before].filter(([name, uid]) => now.get(name) === uid || !now.has(name));
        return old.length === 0 || new NotYet(`left: ${old.map(([name]) => name).join(", ")}`);
      },
      { withinMs: 240_000 },
    );
  }

  /** Until every pod of the store has left a node, and the store serves without it. */
  async drain(node: string): Promise<void> {
    const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"];
    const only = `--pod-selector=${this.selector}`;
    await this.kube.kubectl(["drain", node, ...flags, only], { timeoutMs: 150_000 });
    await becomes(
      "the drained node has no pod of the store",
      async () => {
        const nodes = (await this.pods()).map(({ spec }) => spec.nodeName);
        return !nodes.includes(node) || new NotYet(nodes.join(", "));
      },
      { withinMs: 60_000 },
    );
    await this.becomesAvailable("True", 30_000);
  }

  /**
   * No two pods share a machine, so that losing one leaves a majority of three. After a drain two
   * do: the scheduler spreads pods when it places them and moves none later.
   */
  async isSpread(): Promise<void> {
    for (let tries = 0; tries < SPREAD_TRIES_MAX; tries += 1) {
      const crowded = await this.#crowdedPod();
      if (crowded === null) return;
      const { name, uid } = crowded.metadata;
      await this.kube.kubectl(["-n", this.namespace, "delete", "pod", name]);
      await this.isMadeAnew(name, uid);
      await this.settles();
    }
    assert.equal(await this.#crowdedPod(), null, "two pods share a machine");
  }

  /** The last of the pods whose machine another has too. */
  async #crowdedPod(): Promise<Pod | null> {
    const pods = await this.pods();
    const isCrowded = ({ metadata, spec }: Pod): boolean =>
      pods.some(
        (other) => other.metadata.name !== metadata.name && other.spec.nodeName === spec.nodeName,
      );
    return pods.findLast(isCrowded) ?? null;
  }

  async claims(): Promise<readonly KubeItem[]> {
    const all = await this.kube.list(`/api/v1/namespaces/${this.namespace}/persistentvolumeclaims`);
    return all.filter(({ metadata }) => metadata.name.startsWith(`data-${this.name}-`));
  }

  async events(): Promise<readonly StoreEvent[]> {
    const path = `/apis/events.k8s.io/v1/namespaces/${this.namespace}/events`;
    const all = await this.kube.list<StoreEvent & { regarding: { name: string; kind: string } }>(
      path,
    );
    return all.filter(
      ({ regarding }) => regarding.kind === "KVCluster" && regarding.name === this.name,
    );
  }

  /** All members vote, are healthy and ready, and the operator has nothing left to do. */
  async settles(withinMs: number = SETTLE_MS): Promise<KVClusterStatus> {
    return await becomes(
      `${this.name} is settled`,
      async () => {
        const resource = await this.resource();
        const pods = await this.pods();
        const missing = whatIsMissing(resource) ?? whichPodIsMissing(resource, pods);
        if (missing === null) return resource.status ?? {};
        const seen = pods.map(describePod).join(", ");
        return new NotYet(`${missing}\n${describeStatus(resource.status)}\npods: ${seen}`);
      },
      { withinMs },
    );
  }

  /** Serves through at least a majority, whatever else is under way. */
  async becomesAvailable(status: "True" | "False", withinMs: number): Promise<Condition> {
    return await becomes(
      `${this.name} is Available=${status}`,
      async () => {
        const condition = await this.condition("Available");
        if (condition?.status === status) return condition;
        return new NotYet(describeStatus(await this.status()));
      },
      { withinMs },
    );
  }

  /** The pod that leads, by the nodes' own metrics, and the node that it runs on. */
  async leader(): Promise<{ readonly pod: string; readonly node: string }> {
    return await becomes(
      `${this.name} has a leader`,
      async () => {
        for (const pod of await this.pods()) {
          const name = pod.metadata.name;
          if ((await this.metric(name, "kvcluster_is_leader").catch(() => 0)) !== 1) continue;
          return { pod: name, node: pod.spec.nodeName ?? assert.fail(`${name} has no node`) };
        }
        return new NotYet("no pod says that it leads");
      },
      { withinMs: 60_000 },
    );
  }

  /** The highest term that a pod knows: it grows by one with each election that is held. */
  async term(): Promise<number> {
    const pods = (await this.pods()).filter(isReady);
    const ask = (pod: Pod): Promise<number> =>
      this.metric(pod.metadata.name, "kvcluster_raft_term").catch(() => 0);
    const terms = await Promise.all(pods.map(ask));
    return Math.max(0, ...terms);
  }

  /** A metric without labels, from the pod's metrics port. */
  async metric(pod: string, metric: string): Promise<number> {
    const at = { namespace: this.namespace, name: pod, port: METRICS_PORT };
    const page = await this.kube.fromPod(at, "/metrics", AbortSignal.timeout(5_000));
    const line = page.split("\n").find((text) => text.startsWith(`${metric} `));
    return line === undefined ? assert.fail(`${pod} has no ${metric}`) : Number(line.split(" ")[1]);
  }

  /** uid of each pod by name: a pod whose uid changed was restarted. */
  async uids(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.pods()).map(({ metadata }) => [metadata.name, metadata.uid]));
  }
}

function whatIsMissing({ metadata, spec, status }: KVClusterItem): string | null {
  const { replicas } = spec;
  const { conditions = [], members = [], readyReplicas = 0, observedGeneration } = status ?? {};
  const state = (type: string): string | undefined =>
    conditions.find((condition) => condition.type === type)?.status;
  if (observedGeneration !== metadata.generation) return "the last change was not seen yet";
  if (state("Progressing") !== "False") return "it is progressing";
  if (readyReplicas !== replicas) return `${readyReplicas} of ${replicas} pods are ready`;
  if (replicas === 0) return null;
  if (state("Available") !== "True") return "it is not available";
  if (members.length !== replicas) return `${members.length} members, not ${replicas}`;
  const off = members.find(({ role, health }) => role === "learner" || health !== "healthy");
  return off === undefined ? null : `${off.name} is a ${off.health} ${off.role}`;
}

/** The operator may not have seen yet that one is gone. */
function whichPodIsMissing({ spec }: KVClusterItem, pods: readonly Pod[]): string | null {
  const ready = pods.filter(isReady).length;
  const isWhole = ready === spec.replicas && pods.length === spec.replicas;
  return isWhole ? null : `${ready} of ${pods.length} pods are ready, not ${spec.replicas}`;
}

export function describeStatus(status: KVClusterStatus | undefined): string {
  const { conditions = [], members = [], leader, clusterId } = status ?? {};
  return [
    ...conditions.map(({ type, status: is, reason, message }) =>
      [`${type}=${is}`, reason, message].join(" "),
    ),
    `cluster ${clusterId ?? "none"}, leader ${leader ?? "none"}`,
    ...members.map(({ name, nodeId, role, health }) => `${name} (${nodeId}) ${role} ${health}`),
  ].join("\n");
}
