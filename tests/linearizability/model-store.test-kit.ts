/** The store as one client alone would see it: what the checker's own tests are made with. */
import type { Answer, Change, Condition, KeyRecord, Request } from "./operation.test-kit.ts";

type State = ReadonlyMap<string, KeyRecord>;

export interface Applied {
  readonly answer: Answer;
  /** Empty when nothing was changed. */
  readonly changes: readonly Change[];
  readonly store: ModelStore;
}

/** Never changed: every write makes another. */
export class ModelStore {
  readonly revision: number;
  readonly #states: readonly State[];

  /** @param states one for each revision from 0 on */
  constructor(states: readonly State[] = [new Map()]) {
    this.#states = states;
    this.revision = states.length - 1;
  }

  /** null: such a read is refused. */
  apply(request: Request): Applied | null {
    switch (request.type) {
      case "get":
      case "list":
        return this.#read(request);
      case "put":
        return this.#judged(request, [{ key: request.key, value: request.value }]);
      case "delete":
        return this.#judged(request, [{ key: request.key, value: null }]);
      case "deletePrefix": {
        const keys = [...this.#state(this.revision).keys()];
        const deleted = keys.filter((key) => key.startsWith(request.prefix));
        return this.#write(deleted.map((key) => ({ key, value: null })));
      }
      case "batch": {
        const { answer, ...done } = this.#write(request.items);
        if (answer.type !== "written") return { ...done, answer };
        const puts = done.changes.filter(({ record }) => record !== null).length;
        return { ...done, answer: { ...answer, puts } };
      }
    }
  }

  #state(revision: number): State {
    return this.#states[revision] ?? new Map();
  }

  #read(request: Extract<Request, { readonly type: "get" | "list" }>): Applied | null {
    const revision = request.at ?? this.revision;
    if (revision > this.revision) return null;
    const state = this.#state(revision);
    if (request.type === "get") {
      const answer = { type: "record", revision, record: state.get(request.key) ?? null } as const;
      return { answer, changes: [], store: this };
    }
    const keys = [...state.keys()].filter((key) => key.startsWith(request.prefix)).sort();
    const records = keys.flatMap((key) => {
      const record = state.get(key);
      return record === undefined ? [] : [{ key, ...record }];
    });
    return { answer: { type: "page", revision, records }, changes: [], store: this };
  }

  #judged(
    request: { readonly key: string; readonly condition: Condition },
    items: readonly { readonly key: string; readonly value: string | null }[],
  ): Applied {
    const { key, condition } = request;
    const modRevision = this.#state(this.revision).get(key)?.modRevision ?? 0;
    const holds = {
      none: true,
      absent: modRevision === 0,
      exists: modRevision > 0,
      modRevision: condition.type === "modRevision" && modRevision === condition.revision,
    }[condition.type];
    if (!holds) {
      return { answer: { type: "conditionFailed", modRevision }, changes: [], store: this };
    }
    const { answer, ...done } = this.#write(items);
    const isPut = items[0]?.value !== null;
    if (answer.type !== "written" || !isPut) return { ...done, answer };
    const { type, revision } = answer;
    return { ...done, answer: { type, revision, created: modRevision === 0 } };
  }

  #write(items: readonly { readonly key: string; readonly value: string | null }[]): Applied {
    const revision = this.revision + 1;
    const state = new Map(this.#state(this.revision));
    const changes: Change[] = [];
    for (const { key, value } of items) {
      const previous = state.get(key);
      if (value === null) {
        if (state.delete(key)) changes.push({ key, record: null });
        continue;
      }
      const createRevision = previous?.createRevision ?? revision;
      const version = (previous?.version ?? 0) + 1;
      const record = { value, modRevision: revision, createRevision, version };
      state.set(key, record);
      changes.push({ key, record });
    }
    if (changes.length === 0) {
      return { answer: { type: "nothing", revision: this.revision }, changes, store: this };
    }
    const deletes = changes.filter(({ record }) => record === null).length;
    const store = new ModelStore([...this.#states, state]);
    return { answer: { type: "written", revision, deletes }, changes, store };
  }
}
