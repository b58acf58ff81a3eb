/** The product's client, with its retries and its own judgement of outcomes, as it is used. */
import {
  type Entry,
  KVClientError,
  type KVStoreClient,
  UnknownOutcomeError,
} from "@kvcluster/client";
import type {
  Answer,
  Condition,
  KeyRecord,
  NamedRecord,
  Outcome,
  Request,
} from "./operation.test-kit.ts";
import { packValue, unpackValue } from "./padded-value.test-kit.ts";
import type { Performer } from "./plain-client.test-kit.ts";

type Options = { readonly timeoutMs: number };

export class ProductClient implements Performer {
  readonly #client: KVStoreClient;

  constructor(client: KVStoreClient) {
    this.#client = client;
  }

  async perform(request: Request, options: Options): Promise<Outcome> {
    try {
      return { type: "ok", answer: await this.#answer(request, options) };
    } catch (error) {
      if (error instanceof UnknownOutcomeError) return { type: "unknown" };
      if (!(error instanceof KVClientError)) throw error;
      if (error.code !== "CONDITION_FAILED") return { type: "failed" };
      const modRevision = error.problem?.revision ?? 0;
      return { type: "ok", answer: { type: "conditionFailed", modRevision } };
    }
  }

  async #answer(request: Request, options: Options): Promise<Answer> {
    const client = this.#client;
    switch (request.type) {
      case "put": {
        const { key, value, condition } = request;
        const all = { ...options, ...conditionOptions(condition) };
        return { type: "written", ...(await client.set(key, packValue(value), all)) };
      }
      case "delete": {
        const { ifAbsent: _, ...condition } = conditionOptions(request.condition);
        const done = await client.delete(request.key, { ...options, ...condition });
        return deletedAnswer({ ...done, revision: done.revision === 0 ? null : done.revision });
      }
      case "deletePrefix":
        return deletedAnswer(await client.deleteRange({ prefix: request.prefix }, options));
      case "batch": {
        const items = request.items.map(({ key, value }) =>
          value === null
            ? ({ type: "delete", key } as const)
            : ({ type: "put", key, value: packValue(value) } as const),
        );
        const { revision, puts, deletes } = await client.batch(items, options);
        if (puts + deletes === 0) return { type: "nothing", revision };
        return { type: "written", revision, puts, deletes };
      }
      case "get": {
        const past = request.at === null ? {} : { revision: request.at };
        const entry = await client.get(request.key, { ...options, ...past });
        return { type: "record", revision: null, record: entry === null ? null : toRecord(entry) };
      }
      case "list":
        return await this.#list(request, options);
    }
  }

  async #list(
    { prefix, at }: Extract<Request, { readonly type: "list" }>,
    options: Options,
  ): Promise<Answer> {
    const records: NamedRecord[] = [];
    const revisions = new Set<number>();
    const past = at === null ? {} : { revision: at };
    for await (const page of this.#client.pages({ prefix, pageSize: 50, ...past, ...options })) {
      revisions.add(page.revision);
      for (const entry of page.entries) records.push({ key: entry.keyText(), ...toRecord(entry) });
    }
    const [revision, ...others] = revisions;
    if (revision === undefined || others.length > 0) {
      throw new Error(`pages of ${prefix} are of ${revisions.size} revisions`);
    }
    return { type: "page", revision, records };
  }
}

function deletedAnswer(done: {
  readonly revision: number | null;
  readonly deleted: number;
}): Answer {
  const { revision, deleted } = done;
  if (deleted === 0 || revision === null) return { type: "nothing", revision };
  return { type: "written", revision, deletes: deleted };
}

const toRecord = (entry: Entry): KeyRecord => ({
  value: unpackValue(entry.text()),
  modRevision: entry.modRevision,
  createRevision: entry.createRevision,
  version: entry.version,
});

function conditionOptions(condition: Condition): {
  readonly ifAbsent?: boolean;
  readonly ifExists?: boolean;
  readonly ifRevision?: number;
} {
  switch (condition.type) {
    case "none":
      return {};
    case "absent":
      return { ifAbsent: true };
    case "exists":
      return { ifExists: true };
    case "modRevision":
      return { ifRevision: condition.revision };
  }
}
