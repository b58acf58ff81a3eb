/**
 * The store's own account of every revision after a base, read when all is calm: what a known write
 * should have changed is read at its revision, and a revision that nobody was told of is the
 * difference of two whole states.
 */
import { forEachAtMost } from "../cluster/polling.test-kit.ts";
import type {
  Change,
  KeyRecord,
  NamedRecord,
  Operation,
  Request,
  RevisionChanges,
} from "./operation.test-kit.ts";
import type { PlainClient } from "./plain-client.test-kit.ts";
import { PREFIX } from "./workload.test-kit.ts";

const READS_AT_ONCE = 24;
/** All nodes have shown that they hold the same: each may answer for itself. */
const OPTIONS = { timeoutMs: 30_000, isStale: true } as const;

export interface ReadBack {
  /** One for each node: each is asked for a share of the history. */
  readonly clients: readonly PlainClient[];
  readonly baseRevision: number;
  readonly lastRevision: number;
  readonly operations: readonly Operation[];
}

export async function readBack(options: ReadBack): Promise<readonly RevisionChanges[]> {
  const { baseRevision, lastRevision, operations } = options;
  const writers = new Map<number, Request>();
  for (const { request, outcome } of operations) {
    if (outcome.type !== "ok" || outcome.answer.type !== "written") continue;
    writers.set(outcome.answer.revision, request);
  }
  const reader = new Reader(options.clients);
  const found: RevisionChanges[] = [];
  const revisions = Array.from({ length: lastRevision - baseRevision }, (_, i) => i + 1);
  await forEachAtMost(revisions, READS_AT_ONCE, async (step) => {
    const revision = baseRevision + step;
    const changes = await reader.changesOf(revision, writers.get(revision));
    found.push({ revision, changes });
  });
  return found.sort((a, b) => a.revision - b.revision);
}

class Reader {
  readonly #clients: readonly PlainClient[];
  #turn = 0;

  constructor(clients: readonly PlainClient[]) {
    this.#clients = clients;
  }

  async changesOf(revision: number, request: Request | undefined): Promise<readonly Change[]> {
    switch (request?.type) {
      case "put":
        return [{ key: request.key, record: await this.#get(request.key, revision) }];
      case "delete":
        return [{ key: request.key, record: await this.#get(request.key, revision) }];
      case "batch":
        return await this.#changesOfBatch(request, revision);
      case "deletePrefix":
        return await this.#difference(request.prefix, revision);
      default:
        return await this.#difference(PREFIX, revision);
    }
  }

  async #changesOfBatch(
    { items }: Extract<Request, { readonly type: "batch" }>,
    revision: number,
  ): Promise<readonly Change[]> {
    const changes = await Promise.all(
      items.map(async ({ key }): Promise<readonly Change[]> => {
        const record = await this.#get(key, revision);
        if (record !== null) return record.modRevision === revision ? [{ key, record }] : [];
        const existed = (await this.#get(key, revision - 1)) !== null;
        return existed ? [{ key, record }] : [];
      }),
    );
    return changes.flat();
  }

  /** What changed under a prefix from the revision before to this one. */
  async #difference(prefix: string, revision: number): Promise<readonly Change[]> {
    const [before, after] = await Promise.all([
      this.list(prefix, revision - 1),
      this.list(prefix, revision),
    ]);
    const left = new Map(after.map(({ key, ...record }) => [key, record]));
    const deleted = before.filter(({ key }) => !left.has(key));
    const put = after.filter(({ modRevision }) => modRevision === revision);
    return [
      ...deleted.map(({ key }) => ({ key, record: null })),
      ...put.map(({ key, ...record }) => ({ key, record })),
    ];
  }

  async #get(key: string, at: number): Promise<KeyRecord | null> {
    const request = { type: "get", key, at } as const;
    const outcome = await this.#client().perform(request, OPTIONS);
    if (outcome.type === "ok" && outcome.answer.type === "record") return outcome.answer.record;
    throw new Error(`${key} at revision ${at} could not be read back: ${outcome.type}`);
  }

  async list(prefix: string, at: number): Promise<readonly NamedRecord[]> {
    const request = { type: "list", prefix, at } as const;
    const outcome = await this.#client().perform(request, OPTIONS);
    if (outcome.type === "ok" && outcome.answer.type === "page") return outcome.answer.records;
    throw new Error(`${prefix} at revision ${at} could not be read back: ${outcome.type}`);
  }

  #client(): PlainClient {
    this.#turn += 1;
    const client = this.#clients[this.#turn % this.#clients.length];
    if (client === undefined) throw new Error("nobody to ask");
    return client;
  }
}
