/** Short makers of entries for unit tests. */
import { type Entry, type LogIndex, type Term, toLogIndex, toTerm } from "./index.ts";

export const at = (index: number): LogIndex => toLogIndex(index);
export const inTerm = (term: number): Term => toTerm(term);

/** A command of `bytes` bytes. */
export const entry = (index: number, term: number, bytes: number = 1): Entry => ({
  index: at(index),
  term: inTerm(term),
  type: "command",
  data: new Uint8Array(bytes),
});
