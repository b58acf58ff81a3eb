/** Log entries for benchmarks of the replicated state: puts of 256 bytes, and a compaction. */
import { encodeCommand, type Revision } from "../node/src/kv/index.ts";
import { type Entry, toLogIndex, toTerm } from "../node/src/raft/index.ts";

const VALUE_BYTES = 256;
/** Keys come in an order that has nothing to do with their own, as hashes do. */
const SCATTER = 2_654_435_761;

const value = new Uint8Array(VALUE_BYTES).map((_, at) => (at * 97 + 13) % 256);

/** The key with this number. */
export const keyOf = (n: number): Uint8Array =>
  Buffer.from(`bench/${((n * SCATTER) % 2 ** 32).toString(16).padStart(8, "0")}`);

/** A put for each key, from the log index `index` on. */
export const putEntries = (index: number, keys: readonly Uint8Array[]): Entry[] =>
  keys.map((key, at) => ({
    index: toLogIndex(index + at),
    term: toTerm(1),
    type: "command",
    data: encodeCommand(
      { origin: 1, sequence: at, timestampMs: 1 },
      { type: "put", key, value, condition: { type: "none" } },
    ),
  }));

/** Compacts at `revision`. */
export const compactEntry = (index: number, revision: Revision): Entry => ({
  index: toLogIndex(index),
  term: toTerm(1),
  type: "command",
  data: encodeCommand({ origin: 1, sequence: 0, timestampMs: 1 }, { type: "compact", revision }),
});
