/** The door of the reconciler: one pass from observation to status, and its ports. */
export type {
  Clock,
  ClusterKey,
  KubePort,
  KubeView,
  MembersPort,
  ReadMode,
  StoreAccess,
  StoreResult,
} from "./ports.ts";
