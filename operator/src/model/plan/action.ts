/** What a pass may do. Each action may be repeated: killed in the middle, the next pass goes on. */
import type { KVClusterStatus } from "../api/types.ts";
import type { KubeObject } from "../observed.ts";

/** Server-side apply of a complete intent. Skipped by the planner when the live object has it. */
export interface ApplyAction {
  readonly type: "apply";
  readonly object: KubeObject;
  /** A JSON merge patch sent before: takes away what an apply cannot, because others put it in. */
  readonly overwrite?: Readonly<Record<string, unknown>>;
  /** None was seen. What stands under its name all the same is a stranger's, and is left alone. */
  readonly isNew?: boolean;
  /** For log and Event: `created`, or what differed. */
  readonly why: string;
}

/** Make a Secret with generated contents unless one of that name exists: never an overwrite. */
export interface CreateSecretAction {
  readonly type: "createSecret";
  readonly name: string;
  readonly contents: "jwtSecret" | "keyRing" | "peerSecret";
  readonly labels: Readonly<Record<string, string>>;
  /** Owned by the KVCluster: goes when it goes. */
  readonly isOwned: boolean;
}

/** Deletes carry the uid that was seen as a precondition. */
export type KubeAction =
  | ApplyAction
  | CreateSecretAction
  | { readonly type: "deleteChild"; readonly object: KubeObject; readonly why: string }
  /** Delete with `propagationPolicy: Orphan`; the next pass applies it anew and it adopts. */
  | { readonly type: "orphanStatefulSet"; readonly uid: string; readonly why: string }
  | { readonly type: "resizeClaim"; readonly claim: string; readonly size: string }
  /** Sets or removes the owner reference of claims and generated Secrets. */
  | {
      readonly type: "setOwned";
      readonly kind: "PersistentVolumeClaim" | "Secret";
      readonly name: string;
      readonly isOwned: boolean;
    }
  | {
      readonly type: "deletePod";
      readonly pod: string;
      readonly uid: string;
      /** Without grace: its kubelet is gone. */
      readonly force: boolean;
      readonly why: string;
    }
  /**
   * Restarts a node that is well. Unlike a deletion it is counted against the cluster's
   * PodDisruptionBudget, so that an eviction by somebody else in the same moment is refused, or
   * this one: its failure `disruptionBudget` passes by itself.
   */
  | { readonly type: "evictPod"; readonly pod: string; readonly uid: string; readonly why: string }
  /** Carried out only after an uncached read shows that `member` is no member of the store. */
  | {
      readonly type: "deleteClaim";
      readonly claim: string;
      readonly uid: string;
      readonly member: string;
      readonly why: string;
    };

/** What is asked of the store. At most one a pass, and it is the last action of the plan. */
export type StoreAction =
  | { readonly type: "bootstrap"; readonly pod: string }
  /**
   * Add as learner through the leader, then give the blank node that identity. Stopped in between
   * it leaves a learner that nobody is; the next pass removes it and adds the node under a new id:
   * an id is never given to a second data folder.
   */
  | { readonly type: "addMember"; readonly pod: string; readonly why: string }
  | {
      readonly type: "removeMember";
      readonly member: string;
      readonly nodeId: number;
      readonly why: string;
      /** Counts against the brake of `repair`. */
      readonly isReplacement: boolean;
    }
  | { readonly type: "transferLeadership"; readonly to: string | null; readonly why: string }
  | { readonly type: "updateAddresses"; readonly member: string; readonly nodeId: number };

export type Action = KubeAction | StoreAction;

/** An Event on the KVCluster (events.k8s.io/v1). The same reason and note are not repeated. */
export interface EventIntent {
  readonly type: "Normal" | "Warning";
  /** CamelCase, one of `docs/operations/conditions.md`. */
  readonly reason: string;
  /** With numbers: what was decided and why. */
  readonly note: string;
}

export interface Plan {
  /** In order, until one fails. KubeActions first, at most one StoreAction at the end. */
  readonly actions: readonly Action[];
  /** What the actions are and why. */
  readonly events: readonly EventIntent[];
  /** How `status` differs from the live one: to be told before it is written. */
  readonly story: readonly EventIntent[];
  /** Complete; written when it differs from the live one. */
  readonly status: KVClusterStatus;
  /** Look again after so long even if nothing is heard. */
  readonly requeueAfterMs: number;
}
