/**
 * One pass over one KVCluster: observe, plan, execute, tell the status. Level-triggered and without
 * memory: killed between any two writes, the next pass goes on from what it sees.
 *
 * The order is what keeps it safe. Kubernetes' objects are repaired on what the caches show, before
 * the store is asked, so that a store that is away or slow never blocks a repair. What cannot be
 * taken back, and everything that is asked of the store, is planned on a fresh read. At most one
 * action changes the store in a pass. The status is written whatever failed.
 */
import type {
  KVCluster,
  KVClusterStatus,
  Observed,
  OperatorDefaults,
  Plan,
} from "../model/index.ts";
import type { Failure } from "./failure.ts";
import { Pass } from "./pass.ts";
import type { Clock, ClusterKey, KubePort, MembersPort } from "./ports.ts";

/** `plan` of the model. Pure. */
export type Planner = (observed: Observed, defaults: OperatorDefaults) => Plan;

export interface ReconcileParts {
  readonly kube: KubePort;
  readonly members: MembersPort;
  readonly clock: Clock;
  readonly plan: Planner;
  readonly defaults: OperatorDefaults;
}

export type ReconcileResult =
  /** The resource is gone or going; its children go with it (owner references). */
  | { readonly type: "gone" }
  | {
      readonly type: "reconciled";
      readonly cluster: KVCluster;
      /** As it should be now, whether or not it could be written. */
      readonly status: KVClusterStatus;
      /** What was carried out, in few words, in order. */
      readonly done: readonly string[];
      /** Not empty: try again with backoff, not after `requeueAfterMs`. */
      readonly failures: readonly Failure[];
      readonly requeueAfterMs: number;
      /** Instead of the backoff after failures: all of them pass, and not soon. */
      readonly retryAfterMs?: number;
    };

/** Never throws: what goes wrong is a failure in the result. */
export async function reconcile(parts: ReconcileParts, key: ClusterKey): Promise<ReconcileResult> {
  const cluster = await parts.kube.cluster(key);
  if (cluster === null || cluster.metadata.deletionTimestamp !== undefined) {
    parts.members.forget(key);
    return { type: "gone" };
  }
  return await new Pass(parts, key, cluster).run();
}
