/**
 * Ids that the driver gives to the core. The kind is in the low bits, so that a rejection finds its
 * table without a lookup, and no id is ever given twice in a process.
 */

export type RequestKind = "proposal" | "read" | "admin";

const KINDS: readonly RequestKind[] = ["proposal", "read", "admin"];

/** @param count the table's own number of the request, from 0, counted up. */
export const toRequestId = (kind: RequestKind, count: number): number =>
  count * KINDS.length + KINDS.indexOf(kind);

/** The count that `toRequestId` was given. */
export const requestCount = (id: number): number => Math.floor(id / KINDS.length);

export const requestKind = (id: number): RequestKind => {
  const kind = KINDS[id % KINDS.length];
  if (kind === undefined) throw new RangeError(`request id ${id} is not a whole number`);
  return kind;
};
