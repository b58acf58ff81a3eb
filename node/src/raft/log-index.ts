/**
 * Arithmetic on log indexes and terms that keeps their brands. Goes through the checking
 * constructors of types.ts, the only place that may cast.
 */
import { type LogIndex, type Term, toLogIndex, toTerm } from "./types.ts";

export const indexAfter = (index: LogIndex): LogIndex => toLogIndex(index + 1);
export const indexBefore = (index: LogIndex): LogIndex => toLogIndex(index - 1);
export const termAfter = (term: Term): Term => toTerm(term + 1);
export const lowerIndex = (a: LogIndex, b: LogIndex): LogIndex => (a < b ? a : b);
export const higherIndex = (a: LogIndex, b: LogIndex): LogIndex => (a > b ? a : b);
