/**
 * The state hashes of this replica at fixed indexes, for comparison with the leader's through the
 * log. Every replica notes its hash at the same indexes; an index it does not remember (too old, or
 * before its snapshot) has no verdict, and never a guess.
 */
import { type LogIndex, toLogIndex } from "../../raft/index.ts";
import { corrupt } from "../errors.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine } from "./engine.ts";
import {
  CHECKPOINT_RANGE,
  checkpointKey,
  decodeCheckpoint,
  encodeCheckpoint,
  HASH_CHECKPOINT_ENTRIES,
  HASH_CHECKPOINTS_MAX,
  type HashCheckpoint,
} from "./meta.ts";

export class HashCheckpoints {
  readonly #hashes = new Map<number, number>();
  #latest: HashCheckpoint | null = null;

  /** Reads what was noted before a restart. @throws StorageError CORRUPT */
  static load(engine: Engine): HashCheckpoints {
    const checkpoints = new HashCheckpoints();
    const rows = engine.iterate(CHECKPOINT_RANGE);
    try {
      for (const { key, value } of rows.next(HASH_CHECKPOINTS_MAX)) {
        const checkpoint = decodeRow({ path: engine.path, key }, value, decodeCheckpoint);
        checkpoints.#remember(checkpoint);
      }
    } finally {
      rows.close();
    }
    return checkpoints;
  }

  /** The newest checkpoint; null before the first. */
  get latest(): HashCheckpoint | null {
    return this.#latest;
  }

  /** The hash after entry `index`; undefined when it is not remembered. */
  hashAt(index: number): number | undefined {
    return this.#hashes.get(index);
  }

  /** Notes the hash after `index` when it is a checkpoint. @returns the row to write, or null */
  maybeNote(
    index: LogIndex,
    hash: number,
  ): { readonly key: Uint8Array; readonly value: Uint8Array } | null {
    if (index % HASH_CHECKPOINT_ENTRIES !== 0) return null;
    const checkpoint = { index: toLogIndex(index), hash };
    this.#remember(checkpoint);
    this.#hashes.delete(index - HASH_CHECKPOINT_ENTRIES * HASH_CHECKPOINTS_MAX);
    return { key: checkpointKey(index), value: encodeCheckpoint(checkpoint) };
  }

  /** A checkpoint lies after `appliedIndex` only when rows of two states were mixed. */
  assertNotAfter(appliedIndex: LogIndex, path: string): void {
    if (this.#latest === null || this.#latest.index <= appliedIndex) return;
    throw corrupt(path, `hash of entry ${this.#latest.index} but only ${appliedIndex} applied`);
  }

  #remember(checkpoint: HashCheckpoint): void {
    this.#hashes.set(checkpoint.index, checkpoint.hash);
    if (checkpoint.index > (this.#latest?.index ?? 0)) this.#latest = checkpoint;
  }
}
