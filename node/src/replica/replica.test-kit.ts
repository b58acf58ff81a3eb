/** Small builders for the tests of the driver's parts. */
import {
  type LogIndex,
  type NodeId,
  type Term,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import type { StateSummary } from "./ports.ts";
import { ReplicaError } from "./service.ts";

export const at = (index: number): LogIndex => toLogIndex(index);
export const node = (id: number): NodeId => toNodeId(id);
export const term = (number: number): Term => toTerm(number);

export const summaryAt = (appliedIndex: number): StateSummary =>
  ({
    appliedIndex: at(appliedIndex),
    appliedTerm: term(1),
    revision: appliedIndex,
    compactRevision: 0,
    keys: 0,
    hash: 0,
    checkpoint: null,
  }) as StateSummary;

/** How a promise ended, or `pending`, once all that is ready has run. */
export const endOf = async (promise: Promise<unknown>): Promise<unknown> => {
  let end: unknown = "pending";
  promise.then(
    (value) => {
      end = value;
    },
    (error: unknown) => {
      end = error instanceof ReplicaError ? error.code : error;
    },
  );
  for (let turn = 0; turn < 5; turn += 1) await undefined;
  return end;
};
