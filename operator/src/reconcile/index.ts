/** The door of the reconciler: one pass from observation to status, and its ports. */

export { codeOf, type Failure } from "./failure.ts";
export type {
  Clock,
  ClusterKey,
  KubeErrorCode,
  KubePort,
  KubeView,
  MembersPort,
  ReadMode,
  StoreAccess,
  StoreResult,
} from "./ports.ts";
export {
  type Planner,
  type ReconcileParts,
  type ReconcileResult,
  reconcile,
} from "./reconcile.ts";
export { actionFailedReason } from "./tell-failures.ts";
