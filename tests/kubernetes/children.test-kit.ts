/**
 * The children of KVClusters that no operator touches, applied as a person can see it with kubectl,
 * and repaired by the operator's own plan and executor.
 */
import assert from "node:assert/strict";
import { carryOut } from "../../operator/src/kube/cluster-actions.ts";
import { KubeConnection, loadKubeConfig, systemClock } from "../../operator/src/kube/index.ts";
import { decodeKVCluster } from "../../operator/src/model/api/decode.ts";
import { valueAt } from "../../operator/src/model/desired/json.ts";
import {
  childKey,
  type DesiredInputs,
  desiredChildren,
  fieldManager,
  type JsonObject,
  type KubeAction,
  type KubeObject,
  type KVCluster,
  type Observed,
  planChildren,
} from "../../operator/src/model/index.ts";
import { HttpStatusError } from "../e2e/kubernetes/kube.test-kit.ts";
import { ApiServer } from "./api-server.test-kit.ts";

const plurals: Readonly<Record<string, string>> = {
  ConfigMap: "configmaps",
  NetworkPolicy: "networkpolicies",
  PodDisruptionBudget: "poddisruptionbudgets",
  Service: "services",
  ServiceAccount: "serviceaccounts",
  StatefulSet: "statefulsets",
  ServiceMonitor: "servicemonitors",
  PrometheusRule: "prometheusrules",
};

export function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${group}/namespaces/${metadata.namespace}/${plurals[kind]}/${metadata.name}`;
}

/** What we are known to have set, and when: changes with every apply that changes anything. */
export function managedByUs({ metadata }: KubeObject): unknown {
  const fields = valueAt(metadata, "managedFields");
  assert.ok(Array.isArray(fields));
  const ours = fields.filter((entry) => valueAt(entry, "manager") === fieldManager);
  assert.equal(ours.length, 1);
  return ours[0];
}

export interface Family {
  readonly inputs: DesiredInputs;
  readonly children: readonly KubeObject[];
}

const familyOf = (inputs: DesiredInputs): Family => ({ inputs, children: desiredChildren(inputs) });

const inputsFor = (cluster: KVCluster): DesiredInputs => ({
  cluster,
  image: "kvcluster/node:none",
  // No pods: there is no image and nobody to bootstrap them.
  replicas: 0,
  voters: 3,
  issuer: { type: "known", issuer: "https://api.example", jwks: '{"keys":[]}' },
  defaults: {
    image: "kvcluster/node:none",
    operatorNamespace: "kvcluster-system",
    operatorLabels: { "app.kubernetes.io/name": "kvcluster-operator" },
  },
  capabilities: { serviceMonitor: false, prometheusRule: false },
});

/** The same KVCluster with another storage size. */
export function grown({ inputs }: Family, size: string): Family {
  const { cluster } = inputs;
  const storage = { ...cluster.spec.storage, size };
  return familyOf({ ...inputs, cluster: { ...cluster, spec: { ...cluster.spec, storage } } });
}

export function childIn({ children }: Family, key: string): KubeObject {
  const found = children.find((child) => childKey(child) === key);
  assert.ok(found !== undefined, key);
  return found;
}

export class ChildrenStage {
  readonly server: ApiServer;
  readonly #connection: KubeConnection;

  private constructor(server: ApiServer) {
    this.server = server;
    const config = loadKubeConfig(process.env);
    this.#connection = new KubeConnection({ config, clock: systemClock, random: Math.random });
  }

  static async arrive(): Promise<ChildrenStage> {
    const server = await ApiServer.arrive("children");
    const restricted = "pod-security.kubernetes.io/enforce=restricted";
    await server.kube.kubectl(["label", "namespace", server.namespace, restricted]);
    return new ChildrenStage(server);
  }

  leave(): Promise<void> {
    return this.server.leave();
  }

  /** Makes a KVCluster that an operator, were there one, would leave alone. */
  async family(name: string, spec: JsonObject): Promise<Family> {
    const answer = await this.server.create({ ...spec, paused: true }, name);
    assert.equal(answer.type, "accepted", JSON.stringify(answer));
    const decoded = decodeKVCluster((answer as { object: JsonObject }).object);
    assert.equal(decoded.type, "cluster", JSON.stringify(decoded));
    return familyOf(inputsFor((decoded as { cluster: KVCluster }).cluster));
  }

  read(object: KubeObject): Promise<KubeObject> {
    return this.server.kube.get<KubeObject & { metadata: never }>(pathOf(object));
  }

  async #find(object: KubeObject): Promise<KubeObject | null> {
    try {
      return await this.read(object);
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404) return null;
      throw error;
    }
  }

  async apply(object: KubeObject): Promise<KubeObject> {
    const manager = `--field-manager=${fieldManager}`;
    const args = ["apply", "--server-side", "--force-conflicts", manager, "-f", "-"];
    await this.server.kube.kubectl(args, { input: JSON.stringify(object) });
    return await this.read(object);
  }

  /** What the operator would do about the children that are there now; Secrets aside. */
  async plan({ inputs, children }: Family): Promise<readonly KubeAction[]> {
    const live = await Promise.all(children.map((child) => this.#find(child)));
    const found = live.flatMap((child) =>
      child === null ? [] : [[childKey(child), child] as const],
    );
    const observed: Observed = {
      ...{ cluster: inputs.cluster, now: 0, children: new Map(found), secrets: new Map() },
      ...{ configMaps: new Map(), statefulSet: null, pods: [], claims: [], nodes: [] },
      ...{ issuer: inputs.issuer, capabilities: inputs.capabilities },
    };
    return planChildren(observed, children).filter(({ type }) => type !== "createSecret");
  }

  async carryOut({ inputs }: Family, actions: readonly KubeAction[]): Promise<void> {
    for (const action of actions) await carryOut(this.#connection, inputs.cluster, action);
  }
}
