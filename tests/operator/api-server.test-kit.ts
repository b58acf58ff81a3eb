/**
 * An API server as the operator meets it, in memory: objects with uids and versions, server-side
 * apply, owner references and the garbage they leave, a StatefulSet controller and kubelets (the
 * planner's simulated world). Implements `KubePort`, with caches that are late and lose events.
 */
import { createHash } from "node:crypto";
import type {
  KubeAction,
  KubeObject,
  KVCluster,
  KVClusterSpec,
  KVClusterStatus,
  ObservedClaim,
  ObservedSecret,
} from "../../operator/src/model/index.ts";
import { makeCluster } from "../../operator/src/model/plan/plan.test-kit.ts";
import { Violation, World } from "../../operator/src/model/plan/world.test-kit.ts";
import type { KubeErrorCode, KubeView } from "../../operator/src/reconcile/index.ts";

export class ModelKubeError extends Error {
  readonly code: KubeErrorCode;
  constructor(code: KubeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

type JsonRecord = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, field) => (isRecord(inner) ? inner[field] : undefined), value);

/** Everything at one moment; a cache shows an older one. */
export interface Snapshot {
  readonly cluster: KVCluster | null;
  readonly view: Omit<KubeView, "cluster">;
}

const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;

export class ApiServer {
  readonly world: World;
  /** null: it was deleted, or not made yet. */
  cluster: KVCluster | null = null;
  readonly children: Map<string, KubeObject> = new Map();
  readonly secrets: Map<string, ObservedSecret> = new Map();
  readonly #ownedClaims = new Set<string>();
  #versions = 100;
  #lives = 0;
  readonly violations: Violation[] = [];
  /** What others do in the moment in which an eviction arrives. */
  beforeEviction: (() => void) | null = null;

  constructor(seed: number) {
    this.world = new World(seed);
  }

  /** What the user does. */
  create(spec: Partial<KVClusterSpec> = {}): void {
    this.#lives += 1;
    const made = makeCluster(spec);
    const metadata = { ...made.metadata, uid: `uid-demo-${this.#lives}` };
    this.#store({ ...made, metadata });
  }

  edit(changes: Partial<KVClusterSpec>): void {
    const { cluster } = this;
    if (cluster === null) throw new Error("there is no KVCluster to edit");
    const { metadata, spec } = cluster;
    this.#store({
      ...cluster,
      metadata: { ...metadata, generation: metadata.generation + 1 },
      spec: { ...spec, ...changes },
    });
  }

  /** With everything that it owns, as the garbage collector does. */
  delete(): void {
    const { kubernetes } = this.world;
    this.cluster = null;
    this.children.clear();
    kubernetes.statefulSet = null;
    for (const pod of kubernetes.pods) kubernetes.deletePod(pod);
    for (const [name, { isOwned }] of this.secrets) if (isOwned) this.secrets.delete(name);
    for (const claim of kubernetes.claims) {
      if (this.#ownedClaims.has(claim.uid)) claim.isDeleting = true;
    }
  }

  #store(cluster: KVCluster): void {
    this.#versions += 1;
    const resourceVersion = String(this.#versions);
    this.cluster = { ...cluster, metadata: { ...cluster.metadata, resourceVersion } };
    // The world's rules (brakes of repair, hibernation) ask the present spec.
    this.world.cluster = this.cluster;
  }

  snapshot(): Snapshot {
    return { cluster: this.cluster, view: this.view() };
  }

  view(): Omit<KubeView, "cluster"> {
    const { kubernetes } = this.world;
    const statefulSet = kubernetes.observedStatefulSet();
    return {
      children: new Map(this.children),
      secrets: new Map(this.secrets),
      configMaps: new Map(),
      statefulSet: statefulSet === null ? null : withoutTemplate(statefulSet),
      pods: kubernetes.observedPods().map(withoutTemplate),
      claims: kubernetes.observedClaims().map((claim) => this.#claim(claim)),
      issuer: { type: "known", issuer: "https://issuer", jwks: '{"keys":[]}' },
      capabilities: { serviceMonitor: true, prometheusRule: true },
    };
  }

  #claim(claim: ObservedClaim): ObservedClaim {
    return { ...claim, isOwned: this.#ownedClaims.has(claim.uid) };
  }

  writeStatus(seen: KVCluster, status: KVClusterStatus): void {
    if (this.cluster?.metadata.resourceVersion !== seen.metadata.resourceVersion) {
      throw new ModelKubeError("conflict", "the object has been modified");
    }
    const { clusterId } = this.cluster.status ?? {};
    if (clusterId !== undefined && clusterId !== status.clusterId) {
      this.#refuse(`status.clusterId ${clusterId} becomes ${status.clusterId}`);
    }
    this.#store({ ...this.cluster, status });
  }

  execute(cluster: KVCluster, action: KubeAction): void {
    if (this.cluster?.metadata.uid !== cluster.metadata.uid) {
      throw new ModelKubeError("notFound", "the owner is gone");
    }
    try {
      this.#change(action);
    } catch (error) {
      if (error instanceof Violation) this.violations.push(error);
      throw error;
    }
  }

  #change(action: KubeAction): void {
    const { kubernetes } = this.world;
    switch (action.type) {
      case "apply":
        this.#apply(action.object);
        break;
      case "createSecret":
        this.#createSecret(action);
        break;
      case "deleteChild":
        this.children.delete(keyOf(action.object));
        break;
      case "orphanStatefulSet":
        this.#orphan(action.uid);
        break;
      case "setOwned":
        this.#setOwned(action);
        break;
      case "deletePod":
        if (kubernetes.pods.some(({ uid }) => uid === action.uid)) this.world.execute(action);
        break;
      case "evictPod":
        this.evict(action.pod, action.uid);
        break;
      case "deleteClaim":
        if (kubernetes.claims.some(({ uid }) => uid === action.uid)) this.world.execute(action);
        break;
      case "resizeClaim":
        this.#refuse("no claim is too small");
    }
  }

  /**
   * As the API server evicts, for the operator or a drain (which names no uid): counted against
   * the budget, whose numbers are always the newest here.
   */
  evict(name: string, uid?: string): void {
    const { kubernetes } = this.world;
    this.beforeEviction?.();
    const pod = kubernetes.pods.find((one) => one.name === name);
    if (pod === undefined) return;
    if (uid !== undefined && pod.uid !== uid) throw new ModelKubeError("conflict", "another pod");
    const allowed = at(this.children.get("PodDisruptionBudget/demo"), "spec", "maxUnavailable");
    const ready = kubernetes
      .observedPods()
      .filter(({ isReady, deletingUntil }) => isReady && deletingUntil === null).length;
    const away = (kubernetes.statefulSet?.replicas ?? 0) - ready;
    if (typeof allowed === "number" && away >= allowed) {
      throw new ModelKubeError("disruptionBudget", `${away} of ${allowed} are away`);
    }
    if (uid === undefined) kubernetes.deletePod(pod);
    else this.world.execute({ type: "evictPod", pod: name, uid, why: "" });
  }

  #orphan(uid: string): void {
    const { kubernetes } = this.world;
    if (kubernetes.statefulSet?.uid !== uid) return;
    kubernetes.statefulSet = null;
    this.children.delete("StatefulSet/demo");
  }

  #refuse(message: string): never {
    const violation = new Violation(message);
    this.violations.push(violation);
    throw violation;
  }

  #apply(object: KubeObject): void {
    const known = this.children.get(keyOf(object));
    if (object.kind === "StatefulSet") this.#applyStatefulSet(object, known === undefined);
    this.#versions += 1;
    const uid = known?.metadata.uid ?? this.world.kubernetes.newUid();
    const metadata = { ...object.metadata, uid, resourceVersion: String(this.#versions) };
    // What the server fills in, so that a comparison with the intent has something to overlook.
    this.children.set(keyOf(object), { ...object, metadata, status: { filledIn: true } });
  }

  #applyStatefulSet(object: KubeObject, isNew: boolean): void {
    const { kubernetes } = this.world;
    const template = at(object, "spec", "template");
    const containers = at(template, "spec", "containers");
    const image = Array.isArray(containers) ? String(at(containers[0], "image")) : "";
    const hash = createHash("sha256").update(JSON.stringify(template)).digest("hex").slice(0, 8);
    const spec = { replicas: at(object, "spec", "replicas"), image: `${image}#${hash}` };
    const before = kubernetes.statefulSet?.generation ?? 0;
    this.world.execute({ type: "apply", object: { ...object, spec }, why: "" });
    if (isNew || kubernetes.statefulSet === null) return;
    kubernetes.statefulSet.generation = before + 1;
  }

  #createSecret(action: Extract<KubeAction, { type: "createSecret" }>): void {
    if (this.secrets.has(action.name)) return;
    const keys = { jwtSecret: "jwt-secret", keyRing: "key-ring.json", peerSecret: "peer-secret" };
    const uid = this.world.kubernetes.newUid();
    const { name, isOwned } = action;
    this.secrets.set(name, { name, uid, keys: [keys[action.contents]], isOwned, fault: null });
  }

  #setOwned({ kind, name, isOwned }: Extract<KubeAction, { type: "setOwned" }>): void {
    if (kind === "Secret") {
      const secret = this.secrets.get(name);
      if (secret !== undefined) this.secrets.set(name, { ...secret, isOwned });
      return;
    }
    const claim = this.world.kubernetes.claims.find(
      ({ ordinal }) => name === `data-demo-${ordinal}`,
    );
    if (claim === undefined) return;
    if (isOwned) this.#ownedClaims.add(claim.uid);
    else this.#ownedClaims.delete(claim.uid);
  }
}

/** Simulated pods and sets carry the template's hash behind their image. */
const withoutTemplate = <T extends { readonly image: string }>(object: T): T => ({
  ...object,
  image: object.image.split("#")[0] ?? "",
});
