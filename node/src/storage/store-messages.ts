/**
 * What the two halves of the store say to each other: requests from the thread that serves clients,
 * answers from the one that writes. Plain values and packed bytes only, so that both a message port
 * and the simulator can carry them. Requests are answered in order; appends and applies that wait
 * together are answered together.
 */
import type { HardState, LogIndex, SnapshotMetadata, Term } from "../raft/index.ts";
import type { Applied, Recovered, StateSummary } from "../replica/index.ts";
import type { ErrorMessage } from "./errors.ts";
import type { EntryBlock } from "./log/entry-block.ts";

export type StoreRequest =
  | { readonly type: "append"; readonly hardState: HardState | null; readonly block: EntryBlock }
  | { readonly type: "apply"; readonly index: LogIndex }
  | {
      readonly type: "read";
      readonly from: LogIndex;
      readonly to: LogIndex;
      readonly bytesMax: number;
    }
  | { readonly type: "compactLog"; readonly index: LogIndex }
  | { readonly type: "openSnapshot"; readonly id: number }
  | { readonly type: "nextChunk"; readonly id: number }
  | { readonly type: "closeSnapshot"; readonly id: number }
  | { readonly type: "beginInstall"; readonly metadata: SnapshotMetadata }
  | { readonly type: "writeChunk"; readonly chunk: Uint8Array }
  | { readonly type: "install" }
  | { readonly type: "abortInstall" }
  /** The main thread no longer reads from the state before the last install. */
  | { readonly type: "releaseReplaced" }
  | { readonly type: "close" };

/** Requests answered one by one, in order. */
export type SingleRequest = Exclude<StoreRequest, { readonly type: "append" | "apply" }>;

/** How the main thread reaches the state that the other thread writes. */
export interface StateAccess {
  readonly path: string;
  /** For RocksEngine.attach; null when both halves are in one thread. */
  readonly handle: bigint | null;
}

export interface StoreGauges {
  readonly logBytes: number;
  readonly stateBytes: number;
}

export type StoreAnswer =
  | { readonly type: "opened"; readonly recovered: Recovered; readonly access: StateAccess }
  /** So many appends, the oldest first, are durable. */
  | {
      readonly type: "appended";
      readonly requests: number;
      readonly entries: number;
      readonly bytes: number;
      readonly ms: number;
    }
  /** So many applies, the oldest first, are done. */
  | {
      readonly type: "applied";
      readonly requests: number;
      readonly entries: number;
      readonly summary: StateSummary;
      /** See settled-codec.ts. */
      readonly settled: Float64Array<ArrayBuffer>;
      readonly divergence: Applied["divergence"];
      readonly ms: number;
    }
  | { readonly type: "entries"; readonly blocks: readonly EntryBlock[] }
  | { readonly type: "compacted"; readonly index: LogIndex; readonly term: Term }
  | {
      readonly type: "snapshot";
      readonly metadata: SnapshotMetadata;
      readonly revision: Recovered["summary"]["revision"];
    }
  | { readonly type: "chunk"; readonly chunk: Uint8Array | null }
  | { readonly type: "written"; readonly ok: boolean }
  | {
      readonly type: "installed";
      readonly outcome: { readonly summary: StateSummary; readonly access: StateAccess } | null;
    }
  /** Any other request is done. */
  | { readonly type: "done" }
  | { readonly type: "gauges"; readonly gauges: StoreGauges }
  /** What recovery repaired, for the log. */
  | { readonly type: "notice"; readonly text: string }
  /** Final: nothing after it is carried out or answered. */
  | { readonly type: "fatal"; readonly error: ErrorMessage };
