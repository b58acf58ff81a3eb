/**
 * The one table of errors: what each code means, its HTTP status, whether the same request may be
 * sent again and what to do. The node answers from it, the client decides from it, docs are made
 * from it. A code is never renamed or given another meaning.
 */

import {
  type AccessErrorCode,
  accessErrors,
  type RequestErrorCode,
  requestErrors,
} from "./caller-errors.ts";
import type { ErrorInfo } from "./error-info.ts";
import {
  type ClusterErrorCode,
  clusterErrors,
  type DataErrorCode,
  dataErrors,
  type ServerErrorCode,
  serverErrors,
} from "./store-errors.ts";

type BalancerErrorCode = "NO_NODE" | "NODE_LOST";

/** Answered by a balancer in front of the nodes, never by a node. */
const balancerErrors: Readonly<Record<BalancerErrorCode, ErrorInfo>> = {
  NO_NODE: {
    status: 503,
    title: "No node reachable",
    retryable: true,
    meaning: "The balancer reaches no node that could answer; nothing was sent to any.",
    action: "Try again after Retry-After; look at /balancer/status.",
  },
  NODE_LOST: {
    status: 502,
    title: "Node lost",
    retryable: true,
    meaning: "The node stopped answering in the middle of a read, and no other could take over.",
    action: "Try again. A write that meets this answers OUTCOME_UNKNOWN instead.",
  },
};

/** A stable error code. */
export type ErrorCode =
  | RequestErrorCode
  | AccessErrorCode
  | DataErrorCode
  | ClusterErrorCode
  | ServerErrorCode
  | BalancerErrorCode;

/** Every code with its row. */
export const errorTable: Readonly<Record<ErrorCode, ErrorInfo>> = {
  ...requestErrors,
  ...accessErrors,
  ...dataErrors,
  ...clusterErrors,
  ...serverErrors,
  ...balancerErrors,
};

/** The sections of the reference, in order. */
export const errorGroups: readonly {
  readonly title: string;
  readonly codes: readonly string[];
}[] = [
  { title: "The request", codes: Object.keys(requestErrors) },
  { title: "Access", codes: Object.keys(accessErrors) },
  { title: "Data", codes: Object.keys(dataErrors) },
  { title: "The cluster", codes: Object.keys(clusterErrors) },
  { title: "The server", codes: Object.keys(serverErrors) },
  { title: "The balancer", codes: Object.keys(balancerErrors) },
];

/** True for a code of the table: an answer of a newer server may carry others. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === "string" && Object.hasOwn(errorTable, code);

/** The row of a code. */
export const errorInfo = (code: ErrorCode): ErrorInfo => errorTable[code];

/** Where a problem document's `type` points: the code's row in the reference. */
export const problemType = (code: ErrorCode): string =>
  `https://kvcluster.io/docs/reference/errors#${code.toLowerCase().replaceAll("_", "-")}`;
