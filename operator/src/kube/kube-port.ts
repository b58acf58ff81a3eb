/** The reconciler's port to the API server. Owns how the parts of this folder are put together. */
import {
  apiGroup,
  apiVersion,
  childNames,
  decodeKVCluster,
  type EventIntent,
  type KubeAction,
  type KVCluster,
  type KVClusterStatus,
} from "../model/index.ts";
import type { ClusterKey, KubePort, KubeView, ReadMode } from "../reconcile/index.ts";
import type { Caches } from "./caches.ts";
import { carryOut } from "./cluster-actions.ts";
import { type LookParts, lookAt } from "./cluster-look.ts";
import type { KubeConnection } from "./connection.ts";
import type { LiveObject } from "./decode-json.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { secretBytes, secretKeys } from "./generated-secrets.ts";
import { KubeError } from "./kube-error.ts";
import { applyObject, readObject } from "./objects.ts";
import { OwnWrites } from "./own-writes.ts";
import { resources } from "./resources.ts";
import type { TokenIssuer } from "./token-issuer.ts";

export interface KubePortOptions {
  readonly connection: KubeConnection;
  /** Running; nothing may be asked of the port before they have synced. */
  readonly caches: Caches;
  /** Running. */
  readonly issuer: TokenIssuer;
  readonly events: EventRecorder;
}

export function createKubePort(options: KubePortOptions): KubePort {
  return new ApiServerPort(options);
}

class ApiServerPort implements KubePort {
  readonly #connection: KubeConnection;
  readonly #caches: Caches;
  readonly #events: EventRecorder;
  readonly #look: LookParts;
  readonly #ownWrites = new OwnWrites();
  /** By a cluster's metadata: the version that our own write of the same pass gave it. */
  readonly #versions = new WeakMap<KVCluster["metadata"], string>();

  constructor({ connection, caches, issuer, events }: KubePortOptions) {
    this.#connection = connection;
    this.#caches = caches;
    this.#events = events;
    this.#look = { connection, caches, issuer };
  }

  async cluster(key: ClusterKey, mode: ReadMode = "cached"): Promise<KVCluster | null> {
    if (mode === "fresh") {
      const target = { resource: resources.kvCluster, key };
      return decodeCluster(await readObject(this.#connection, target));
    }
    const cached = this.#caches.cluster(key);
    if (cached === null) this.#ownWrites.forget(key);
    return decodeCluster(cached === null ? null : this.#ownWrites.newest(cached));
  }

  async look(cluster: KVCluster, mode: ReadMode = "cached"): Promise<KubeView> {
    return await lookAt(this.#look, cluster, mode);
  }

  async execute(cluster: KVCluster, action: KubeAction): Promise<void> {
    await carryOut(this.#connection, cluster, action);
  }

  async writeStatus(cluster: KVCluster, status: KVClusterStatus): Promise<void> {
    const { namespace, name } = cluster.metadata;
    const version = this.#versions.get(cluster.metadata) ?? cluster.metadata.resourceVersion;
    const intent = {
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind: "KVCluster",
      // A uid would not be checked here (1.37); but no two objects ever have the same version.
      metadata: { namespace, name, resourceVersion: version },
      status,
    };
    const written = await applyObject(this.#connection, intent, "status");
    this.#versions.set(cluster.metadata, written.metadata.resourceVersion);
    this.#ownWrites.note(written, version);
  }

  async recordEvent(cluster: KVCluster, event: EventIntent): Promise<void> {
    await this.#events.record(cluster, event);
  }

  async adminSecret(cluster: KVCluster): Promise<Uint8Array | null> {
    const { namespace, name } = cluster.metadata;
    const key = { namespace, name: childNames(name).authSecret };
    const target = { resource: resources.secret, key };
    const secret = await readObject(this.#connection, target, { isConcealed: true });
    return secret === null ? null : secretBytes(secret, secretKeys.jwtSecret);
  }
}

/** @throws KubeError malformed: the resource breaks the schema, though the CRD was checked */
function decodeCluster(live: LiveObject | null): KVCluster | null {
  if (live === null) return null;
  const decoded = decodeKVCluster(live);
  if (decoded.type === "cluster") return decoded.cluster;
  const { namespace, name } = live.metadata;
  throw new KubeError("malformed", `KVCluster ${namespace}/${name}: ${decoded.why}`);
}
