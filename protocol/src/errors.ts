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

/** A stable error code. */
export type ErrorCode =
  | RequestErrorCode
  | AccessErrorCode
  | DataErrorCode
  | ClusterErrorCode
  | ServerErrorCode;

/** Every code with its row. */
export const errorTable: Readonly<Record<ErrorCode, ErrorInfo>> = {
  ...requestErrors,
  ...accessErrors,
  ...dataErrors,
  ...clusterErrors,
  ...serverErrors,
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
];

/** True for a code of the table: an answer of a newer server may carry others. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === "string" && Object.hasOwn(errorTable, code);

/** The row of a code. */
export const errorInfo = (code: ErrorCode): ErrorInfo => errorTable[code];

/** Where a problem document's `type` points: the code's row in the reference. */
export const problemType = (code: ErrorCode): string =>
  `https://kvcluster.io/docs/reference/errors#${code.toLowerCase().replaceAll("_", "-")}`;
