/**
 * Joins linearizable gets: all that arrive in one turn of the event loop share one read barrier and
 * one crossing into the store. A get never joins a barrier that was asked for before it arrived.
 */
import type { KvRecord } from "../kv/index.ts";
import type { NodeService, ReplicaService } from "../replica/index.ts";
import { servingReplica } from "./context.ts";

/** A current record with the store's revision that the read reflects. */
export interface ReadAnswer {
  readonly record: KvRecord | undefined;
  readonly revision: number;
}

interface Waiter {
  readonly key: Uint8Array;
  readonly resolve: (answer: ReadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gets with equal deadlines share a barrier; nearly all have the default one. */
interface Batch {
  readonly deadlineMs: number;
  readonly waiters: Waiter[];
}

/** Records of `keys` as they are applied now, with the revision to tell. */
export function readCurrent(
  replica: ReplicaService,
  keys: readonly Uint8Array[],
): { readonly records: readonly (KvRecord | undefined)[]; readonly revision: number } {
  const records = replica.reader.getMany(keys);
  // The store may have applied more than the driver has heard of; what was read is the witness.
  let revision: number = replica.status().state.revision;
  for (const record of records) {
    if (record !== undefined && record.modRevision > revision) revision = record.modRevision;
  }
  return { records, revision };
}

export class ReadBatcher {
  readonly #node: NodeService;
  readonly #keysMax: number;
  #joining: Batch[] = [];

  /** @param keysMax keys in one crossing: a longer batch is split, so the loop is not held up. */
  constructor(node: NodeService, keysMax: number) {
    this.#node = node;
    this.#keysMax = keysMax;
  }

  /** @throws ReplicaError as readBarrier, ApiError when the node does not serve */
  get(key: Uint8Array, deadlineMs: number): Promise<ReadAnswer> {
    return new Promise((resolve, reject) => {
      const waiter = { key, resolve, reject };
      const batch = this.#joining.find((one) => one.deadlineMs === deadlineMs);
      if (batch !== undefined) {
        batch.waiters.push(waiter);
        return;
      }
      if (this.#joining.length === 0) setImmediate(() => this.#depart());
      this.#joining.push({ deadlineMs, waiters: [waiter] });
    });
  }

  #depart(): void {
    const batches = this.#joining;
    this.#joining = [];
    for (const batch of batches) {
      this.#serve(batch).catch((error: unknown) => {
        for (const waiter of batch.waiters) waiter.reject(error);
      });
    }
  }

  async #serve({ deadlineMs, waiters }: Batch): Promise<void> {
    const replica = servingReplica(this.#node);
    await replica.readBarrier(deadlineMs);
    for (let from = 0; from < waiters.length; from += this.#keysMax) {
      const part = waiters.slice(from, from + this.#keysMax);
      const { records, revision } = readCurrent(
        replica,
        part.map((waiter) => waiter.key),
      );
      part.forEach((waiter, i) => {
        waiter.resolve({ record: records[i], revision });
      });
    }
  }
}
