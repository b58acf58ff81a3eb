/**
 * Every reason of a condition and of an Event. `docs/operations/conditions.md` explains each one; a
 * test holds the two together.
 */
export const conditionReasons = {
  Available: [
    "QuorumHealthy",
    "QuorumLost",
    "NoLeader",
    "StoreUnreachable",
    "NotBootstrapped",
    "WaitingForNodes",
    "Hibernated",
    "DataLost",
    "ForeignData",
  ],
  Progressing: [
    "AsSpecified",
    "Paused",
    "Hibernated",
    "Bootstrapping",
    "ScalingUp",
    "ScalingDown",
    "ScaleDownBlocked",
    "Rolling",
    "RollPaused",
    "RollFailing",
    "Replacing",
    "Repairing",
    "WaitingForNodes",
  ],
  Degraded: [
    "AsExpected",
    "DataLost",
    "ForeignData",
    "QuorumLost",
    "ChildrenFaulty",
    "MemberCorrupt",
    "MemberLost",
    "ReplacementBraked",
    "RollFailing",
    "PodFailing",
    "MemberUnhealthy",
    // The reconciler's, for an action that failed for good.
    "ActionFailed",
  ],
} as const;

export type AvailableReason = (typeof conditionReasons.Available)[number];
export type ProgressingReason = (typeof conditionReasons.Progressing)[number];
export type DegradedReason = (typeof conditionReasons.Degraded)[number];

/** Reasons of Events. `type` is fixed with the reason. */
export const eventReasons = {
  Bootstrapping: "Normal",
  Bootstrapped: "Normal",
  ScalingUp: "Normal",
  ScalingDown: "Normal",
  ScaleDownBlocked: "Warning",
  ScalingDone: "Normal",
  EvenReplicas: "Warning",
  Hibernated: "Normal",
  AdmittingMember: "Normal",
  MemberAdmitted: "Normal",
  MemberPromoted: "Normal",
  RemovingMember: "Normal",
  MemberRemoved: "Normal",
  LeaderChanged: "Normal",
  TransferringLeadership: "Normal",
  RollStarted: "Normal",
  RestartingPod: "Normal",
  EvictionRefused: "Normal",
  RollPaused: "Warning",
  RollFailing: "Warning",
  RollDone: "Normal",
  DeletingStuckPod: "Normal",
  ReplacingMember: "Warning",
  ReplacementBraked: "Warning",
  DiscardingNode: "Normal",
  DeletingClaim: "Normal",
  ReaddressingMember: "Normal",
  QuorumLost: "Warning",
  QuorumRegained: "Normal",
  DataLost: "Warning",
  ForeignData: "Warning",
  ChildrenFaulty: "Warning",
  MemberCorrupt: "Warning",
  MemberLost: "Warning",
  PodFailing: "Warning",
} as const;

export type EventReason = keyof typeof eventReasons;
