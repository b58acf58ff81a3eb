/** Rows of the error table that the state of data, cluster or node causes. */
import type { ErrorInfo } from "./error-info.ts";

export type DataErrorCode =
  | "KEY_NOT_FOUND"
  | "CONDITION_FAILED"
  | "DUPLICATE_KEY"
  | "RANGE_TOO_LARGE"
  | "REVISION_IN_FUTURE"
  | "REVISION_COMPACTED";

export const dataErrors: Readonly<Record<DataErrorCode, ErrorInfo>> = {
  KEY_NOT_FOUND: {
    status: 404,
    title: "No such key",
    retryable: false,
    meaning: "The key does not exist (at the revision asked for), or there was nothing to delete.",
    action: "None: this is an answer.",
  },
  CONDITION_FAILED: {
    status: 412,
    title: "Condition failed",
    retryable: false,
    meaning: "If-Match or If-None-Match did not hold; the ETag header has the key's revision now.",
    action: "Read the key again and decide anew.",
  },
  DUPLICATE_KEY: {
    status: 422,
    title: "The same key twice",
    retryable: false,
    meaning: "A batch names one key more than once.",
    action: "Name each key once.",
  },
  RANGE_TOO_LARGE: {
    status: 422,
    title: "Range too large",
    retryable: false,
    meaning:
      "A range delete would delete more keys than `limits.rangeDeleteKeysMax`; it did nothing.",
    action: "Delete smaller ranges.",
  },
  REVISION_IN_FUTURE: {
    status: 400,
    title: "Revision in the future",
    retryable: false,
    meaning: "The revision asked for has not been written yet.",
    action: "Ask for a revision that a node has answered before.",
  },
  REVISION_COMPACTED: {
    status: 410,
    title: "Revision compacted",
    retryable: false,
    meaning: "History at the revision asked for, or of the page to continue, is forgotten.",
    action: "Start over at the current revision.",
  },
};

export type ClusterErrorCode = "MEMBER_NOT_FOUND" | "ALREADY_BOOTSTRAPPED" | "CHANGE_REJECTED";

export const clusterErrors: Readonly<Record<ClusterErrorCode, ErrorInfo>> = {
  MEMBER_NOT_FOUND: {
    status: 404,
    title: "No such member",
    retryable: false,
    meaning: "The cluster has no member with this id or name.",
    action: "See GET /v1/cluster/members.",
  },
  ALREADY_BOOTSTRAPPED: {
    status: 409,
    title: "Node already has an identity",
    retryable: false,
    meaning: "Bootstrap or join was asked of a node that belongs to a cluster.",
    action: "None when it is the intended cluster; else give the node an empty data folder.",
  },
  CHANGE_REJECTED: {
    status: 409,
    title: "Membership change refused",
    retryable: false,
    meaning: "The leader refused a membership change or a transfer; `reason` says why.",
    action: "Wait for a pending change or a lagging learner, or correct the request.",
  },
};

export type ServerErrorCode =
  | "INTERNAL"
  | "VALUE_UNREADABLE"
  | "NO_LEADER"
  | "OVERLOADED"
  | "SHUTTING_DOWN"
  | "NOT_BOOTSTRAPPED"
  | "STARTING"
  | "REMOVED"
  | "CORRUPT"
  | "STALENESS_EXCEEDED"
  | "DEADLINE_EXCEEDED"
  | "OUTCOME_UNKNOWN";

export const serverErrors: Readonly<Record<ServerErrorCode, ErrorInfo>> = {
  INTERNAL: {
    status: 500,
    title: "Internal error",
    retryable: false,
    meaning: "A fault of this server. A write may or may not have taken effect.",
    action: "Report it with the request id; the node's log has the cause.",
  },
  VALUE_UNREADABLE: {
    status: 500,
    title: "Stored value cannot be decrypted",
    retryable: false,
    meaning: "The value's key id is not in the key ring, or its authentication tag does not match.",
    action: "Restore the key ring; if it is complete, treat the node as corrupt.",
  },
  NO_LEADER: {
    status: 503,
    title: "No leader",
    retryable: true,
    meaning: "No leader was known within the deadline; nothing was proposed.",
    action: "Try again after Retry-After, on any node.",
  },
  OVERLOADED: {
    status: 503,
    title: "Overloaded",
    retryable: true,
    meaning: "A queue is at its limit; nothing was proposed.",
    action: "Try again after Retry-After, with fewer requests in flight.",
  },
  SHUTTING_DOWN: {
    status: 503,
    title: "Shutting down",
    retryable: true,
    meaning: "The node is going down; nothing was proposed.",
    action: "Use another node.",
  },
  NOT_BOOTSTRAPPED: {
    status: 503,
    title: "Node has no identity",
    retryable: true,
    meaning: "The node is blank: it waits for bootstrap or join.",
    action: "Use another node, or bootstrap the cluster.",
  },
  STARTING: {
    status: 503,
    title: "Node is starting",
    retryable: true,
    meaning: "The node is still recovering what is on its disk.",
    action: "Try again after Retry-After, or use another node.",
  },
  REMOVED: {
    status: 503,
    title: "Node was removed",
    retryable: true,
    meaning: "This node is no longer a member of its cluster.",
    action: "Use another node.",
  },
  CORRUPT: {
    status: 503,
    title: "Node is corrupt",
    retryable: true,
    meaning: "This replica has diverged or its disk is damaged; it serves nothing.",
    action: "Use another node; replace this one.",
  },
  STALENESS_EXCEEDED: {
    status: 503,
    title: "Replica too stale",
    retryable: true,
    meaning: "A stale read asked for data younger than this node can vouch for.",
    action: "Raise maxStaleness, read linearizably or use another node.",
  },
  DEADLINE_EXCEEDED: {
    status: 504,
    title: "Deadline exceeded",
    retryable: true,
    meaning: "The deadline of a read passed, or of a write before it was proposed.",
    action: "Try again, with a longer timeout if the cluster is busy.",
  },
  OUTCOME_UNKNOWN: {
    status: 504,
    title: "Outcome unknown",
    retryable: false,
    meaning: "The deadline passed after the write was proposed: it may or may not take effect.",
    action: "Read the key before writing again, or write under If-Match.",
  },
};
