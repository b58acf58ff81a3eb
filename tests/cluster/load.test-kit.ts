/**
 * Writers and readers that keep a cluster busy while things go wrong. Writers record every outcome;
 * readers ask single nodes for linearizable reads and fail on one that is stale.
 */
import assert from "node:assert/strict";
import { KVClientError, type KVStoreClient, UnknownOutcomeError } from "@kvcluster/client";
import { type Change, History } from "./history.test-kit.ts";
import { eventually, pause } from "./polling.test-kit.ts";

export interface LoadOptions {
  readonly writers?: number;
  readonly prefix?: string;
  readonly valueBytes?: number;
  readonly keysPerWriter?: number;
  /** Well above an election by default: a write held until its deadline is seen as a gap. */
  readonly timeoutMs?: number;
}

const defaults: Required<LoadOptions> = {
  writers: 8,
  prefix: "load/",
  valueBytes: 64,
  keysPerWriter: 16,
  timeoutMs: 5_000,
};

/** A write that was refused is not repeated at once. */
const REFUSED_PAUSE_MS = 50;
/** Readers check; they are not the load. */
const READ_PAUSE_MS = 10;
const READ_TIMEOUT_MS = 5_000;

export class WriteLoad {
  readonly history: History = new History();
  readonly #client: KVStoreClient;
  readonly #options: Required<LoadOptions>;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  /** What a writer did not expect: told by whoever waits for the load. */
  #failure: unknown = null;

  constructor(client: KVStoreClient, options: LoadOptions = {}) {
    this.#client = client;
    this.#options = { ...defaults, ...options };
  }

  start(): this {
    const writers = Array.from({ length: this.#options.writers }, (_, i) => this.#write(i));
    this.#running = Promise.all(writers).then(() => {});
    this.#running.catch((error: unknown) => {
      this.#failure = error;
      this.#isStopping = true;
    });
    return this;
  }

  get count(): number {
    return this.history.acknowledged.length;
  }

  /** Waits until so many more writes were acknowledged. */
  async progresses(writes = 50): Promise<void> {
    const wanted = this.count + writes;
    const isOver = (): boolean => this.#failure !== null || this.count >= wanted;
    await eventually(`${writes} more writes are acknowledged`, isOver, { everyMs: 10 });
    if (this.#failure !== null) throw this.#failure;
  }

  async stop(): Promise<History> {
    this.#isStopping = true;
    await this.#running;
    return this.history;
  }

  /** Keys that are only ever put. */
  putKey(writer: number, n: number): string {
    return `${this.#options.prefix}${writer}/p${n % this.#options.keysPerWriter}`;
  }

  randomPutKey(): string {
    const { writers, keysPerWriter } = this.#options;
    const writer = Math.floor(Math.random() * writers);
    return this.putKey(writer, Math.floor(Math.random() * keysPerWriter));
  }

  async #write(writer: number): Promise<void> {
    for (let n = 0; !this.#isStopping; n += 1) {
      const changes = this.#changesOf(writer, n);
      const outcome = await this.#attempt(changes);
      if (outcome === "refused") await pause(REFUSED_PAUSE_MS);
    }
  }

  /** Mostly puts; now and then a batch of three or a deletion. */
  #changesOf(writer: number, n: number): readonly Change[] {
    const { prefix, valueBytes } = this.#options;
    const value = `${writer}.${n}.`.padEnd(valueBytes, "v");
    const key = this.putKey(writer, n);
    if (n % 11 === 5) return [{ key: `${prefix}${writer}/d${(n - (n % 22)) % 3}`, value: null }];
    if (n % 7 !== 3) return [{ key, value }];
    const deleted = { key: `${prefix}${writer}/d${n % 3}`, value };
    return [{ key, value }, { key: this.putKey(writer, n + 1), value }, deleted];
  }

  async #attempt(changes: readonly Change[]): Promise<"done" | "refused"> {
    const { history } = this;
    try {
      const revision = await this.#send(changes);
      if (revision === null) history.foundNothing(changes);
      else history.acknowledge(revision, changes);
      return "done";
    } catch (error) {
      if (error instanceof UnknownOutcomeError) {
        history.loseTrackOf(changes);
        return "done";
      }
      if (!(error instanceof KVClientError) || !error.retryable) throw error;
      history.refused += 1;
      return "refused";
    }
  }

  /** @returns the revision; null when there was nothing to delete */
  async #send(changes: readonly Change[]): Promise<number | null> {
    const [first, ...more] = changes;
    assert.ok(first !== undefined);
    const options = { timeoutMs: this.#options.timeoutMs };
    const { key, value } = first;
    if (more.length > 0) {
      const items = changes.map((change) => ({
        type: "put" as const,
        key: change.key,
        value: change.value ?? "",
      }));
      return (await this.#client.batch(items, options)).revision;
    }
    if (value === null) {
      const { revision, deleted } = await this.#client.delete(key, options);
      return deleted === 0 ? null : revision;
    }
    return (await this.#client.set(key, value, options)).revision;
  }
}

export class ReadLoad {
  readonly #load: WriteLoad;
  readonly #clients: readonly KVStoreClient[];
  readonly #client: readonly Promise<void>[];
  #isStopping = false;
  served = 0;
  refused = 0;

  /** @param clients one for each node that is read from */
  constructor(load: WriteLoad, clients: readonly KVStoreClient[]) {
    this.#load = load;
    this.#clients = clients;
    this.#client = this.#clients.map((client) => this.#read(client));
    for (const reader of this.#client) reader.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#client);
  }

  async #read(client: KVStoreClient): Promise<void> {
    while (!this.#isStopping) {
      const key = this.#load.randomPutKey();
      const before = this.#load.history.revisionOf(key);
      try {
        const entry = await client.get(key, { timeoutMs: READ_TIMEOUT_MS });
        const revision = entry?.modRevision ?? 0;
        assert.ok(revision >= before, `stale: ${key} at ${revision}, written at ${before} before`);
        this.served += 1;
        await pause(READ_PAUSE_MS);
      } catch (error) {
        if (!(error instanceof KVClientError)) throw error;
        this.refused += 1;
        await pause(REFUSED_PAUSE_MS);
      }
    }
  }
}
