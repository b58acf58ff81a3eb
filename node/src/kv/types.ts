/**
 * The vocabulary of the state machine: etcd's data model. One global revision; every effect of one
 * command has one revision and nothing else moves it; it never goes back.
 */

/** The global revision: 0 when nothing was ever written, then one more per effective command. */
export type Revision = number & { readonly __brand: "Revision" };

/** Brands a revision. @throws RangeError unless it is a safe integer of at least 0. */
export const toRevision = (value: number): Revision => {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`revision must be a safe integer of at least 0, got ${value}`);
  }
  return value as Revision;
};

/** What is stored for a key that exists. */
export interface KvRecord {
  /** Revision of the last change. */
  readonly modRevision: Revision;
  /** Revision at which the key came into being, since its last deletion. */
  readonly createRevision: Revision;
  /** Changes since it came into being, from 1. */
  readonly version: number;
  /** 0: no lease. */
  readonly lease: number;
  /** The sealed value (crypto/): encrypted before it was proposed; opaque here. */
  readonly value: Uint8Array;
}

/** A compare-and-set guard on one key (RFC 9110 If-Match / If-None-Match). */
export type Condition =
  | { readonly type: "none" }
  /** If-None-Match: * */
  | { readonly type: "absent" }
  /** If-Match: * */
  | { readonly type: "exists" }
  /** If-Match: "revision" */
  | { readonly type: "modRevision"; readonly revision: Revision };

export interface PutOperation {
  readonly type: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
export interface DeleteOperation {
  readonly type: "delete";
  readonly key: Uint8Array;
}

/**
 * What can be proposed. Transactions, leases and idempotency keys extend this union; the codec
 * gives each type a number of its own and refuses numbers it does not know.
 */
export type Command =
  | (PutOperation & { readonly condition: Condition })
  | (DeleteOperation & { readonly condition: Condition })
  /** Deletes [start, end); an empty end means to the last key. Refused whole above `keysMax`. */
  | {
      readonly type: "deleteRange";
      readonly start: Uint8Array;
      readonly end: Uint8Array;
      readonly keysMax: number;
    }
  /** All or nothing, one revision; the same key twice is refused. */
  | { readonly type: "batch"; readonly operations: readonly (PutOperation | DeleteOperation)[] }
  /** Forget history before `revision`; reads there answer COMPACTED afterwards. */
  | { readonly type: "compact"; readonly revision: Revision }
  /**
   * Corruption check: the proposer's rolling state hash as it was after applying `index`. A replica
   * that has another hash for that index has diverged.
   */
  | { readonly type: "verifyHash"; readonly index: number; readonly hash: number };

/** Who proposed a command, so that the proposing node can answer its client after apply. */
export interface CommandHeader {
  /** Random 48-bit number drawn by a node at each start: answers never reach another life. */
  readonly origin: number;
  /** Counts the proposals of that life; u32. */
  readonly sequence: number;
  /** Wall clock of the leader when it proposed, ms since 1970; the only time a command knows. */
  readonly timestampMs: number;
}

/** What applying a command came to, for the node that proposed it. */
export type CommandResult =
  | { readonly type: "put"; readonly revision: Revision; readonly created: boolean }
  /** `count` 0: there was nothing, and the revision did not move. */
  | { readonly type: "deleted"; readonly revision: Revision; readonly count: number }
  | {
      readonly type: "batch";
      readonly revision: Revision;
      readonly puts: number;
      readonly deletes: number;
    }
  | { readonly type: "compacted"; readonly revision: Revision; readonly compactRevision: Revision }
  | { readonly type: "verified"; readonly revision: Revision }
  | {
      readonly type: "failed";
      readonly code: CommandFailure;
      /** The store's revision when it was refused; it did not move. */
      readonly revision: Revision;
      /** CONDITION_FAILED: modRevision of the key, 0 when absent. */
      readonly current: Revision;
    };

/** Refusals decided by the state machine, the same on every replica. Codes of the error table. */
export type CommandFailure =
  | "CONDITION_FAILED"
  | "RANGE_TOO_LARGE"
  | "DUPLICATE_KEY"
  | "REVISION_COMPACTED"
  | "REVISION_IN_FUTURE";

/** One change of one key, as the history and, later, watches know it. */
export interface KvEvent {
  readonly type: "put" | "delete";
  readonly key: Uint8Array;
  readonly revision: Revision;
}
