/**
 * The client of a KVCluster: one node, many, or a balancer. Owns connections and endpoint health;
 * repeats only what is safe. What it throws is a KVClientError; a write that may or may not have
 * taken effect throws UnknownOutcomeError and is never repeated.
 */
import type {
  BatchAnswer,
  ClusterMember,
  ClusterStatus,
  CompactAnswer,
  DeleteAnswer,
  NodeStatus,
  PutAnswer,
  Readiness,
  StateHash,
} from "@kvcluster/protocol";
import type { Agent } from "undici";
import { ClusterAdmin } from "./cluster-admin.ts";
import { createTokenSource, type TokenSource } from "./credentials.ts";
import { type Bytes, type Entry, toKey } from "./entries.ts";
import { KVClientError } from "./errors.ts";
import { createAgent } from "./http/connections.ts";
import {
  decodeBatch,
  decodeCluster,
  decodeCompact,
  decodeDelete,
  decodeEntry,
  decodeHash,
  decodeMembers,
  decodePage,
  decodePut,
  decodeReadinessAnswer,
  decodeStatus,
  type EntryPage,
} from "./http/decode-documents.ts";
import { LeaderTracker } from "./leader-tracker.ts";
import {
  type CallOptions,
  type ClientLimits,
  defaultClientLimits,
  type KVStoreClientOptions,
  parseEndpoints,
  resolveLimits,
} from "./options.ts";
import type { EndpointView } from "./picking/endpoint.ts";
import { defaultPickerSettings, Picker } from "./picking/picker.ts";
import { Requester } from "./requester.ts";
import {
  type BatchItem,
  batchBody,
  conditionHeaders,
  type DeleteOptions,
  type GetOptions,
  jsonBody,
  jsonHeaders,
  type KeyRange,
  keyPath,
  type ListOptions,
  listPath,
  rangePath,
  readQuery,
  type SetOptions,
  valueBody,
} from "./requests.ts";
import { openSnapshot, type SnapshotStream } from "./snapshot-stream.ts";

export type CompareAndSetResult =
  | { readonly type: "set"; readonly revision: number; readonly created: boolean }
  /** Nothing was changed; `revision` is the key's modRevision now, 0 when it does not exist. */
  | { readonly type: "conflict"; readonly revision: number };

export class KVStoreClient implements AsyncDisposable {
  /** Bootstrap, membership, leadership. */
  readonly admin: ClusterAdmin;
  readonly #agent: Agent;
  readonly #picker: Picker;
  readonly #tokens: TokenSource;
  readonly #leader: LeaderTracker;
  readonly #requester: Requester;
  readonly #limits: ClientLimits;

  /** @throws KVClientError INVALID_ARGUMENT, CREDENTIALS */
  constructor(options: KVStoreClientOptions) {
    const limits = resolveLimits(options.limits ?? {});
    const urls = parseEndpoints(options.endpoints);
    const clock = { nowMs: () => performance.now(), random: () => Math.random() };
    this.#limits = limits;
    this.#picker = new Picker(urls, defaultPickerSettings, clock);
    this.#tokens = createTokenSource(options.auth ?? null);
    this.#agent = createAgent(connectionSettings(limits), options.tls);
    this.#leader = new LeaderTracker(this.#agent, this.#picker, limits);
    this.#requester = new Requester({
      dispatcher: this.#agent,
      picker: this.#picker,
      tokens: this.#tokens,
      leader: this.#leader,
      limits,
    });
    this.admin = new ClusterAdmin(this.#requester);
  }

  /** The key, or null when it does not exist. Linearizable unless told otherwise. */
  async get(key: Bytes, options: GetOptions = {}): Promise<Entry | null> {
    const path = `${keyPath(key)}${readQuery(options)}`;
    const call = { kind: "read", method: "GET", path, accept: [404] } as const;
    return decodeEntry(toKey(key), await this.#requester.send(call, options));
  }

  /** Writes a value, whatever was there, unless a condition is given. @throws CONDITION_FAILED */
  async set(key: Bytes, value: Bytes, options: SetOptions = {}): Promise<PutAnswer> {
    const answer = await this.#requester.send(
      {
        kind: "write",
        method: "PUT",
        path: keyPath(key),
        headers: { ...conditionHeaders(options), "content-type": "application/octet-stream" },
        body: valueBody(value),
      },
      options,
    );
    return decodePut(answer);
  }

  /** The same as `set`. */
  put(key: Bytes, value: Bytes, options: SetOptions = {}): Promise<PutAnswer> {
    return this.set(key, value, options);
  }

  /**
   * Writes only if the key's modRevision is `expected`; null: only if the key does not exist.
   * @throws UnknownOutcomeError when it may or may not have been written
   */
  async compareAndSet(
    key: Bytes,
    expected: number | null,
    change: { readonly value: Bytes } & CallOptions,
  ): Promise<CompareAndSetResult> {
    const condition = expected === null ? { ifAbsent: true } : { ifRevision: expected };
    try {
      const { value, ...options } = change;
      const { revision, created } = await this.set(key, value, { ...options, ...condition });
      return { type: "set", revision, created };
    } catch (error) {
      if (!(error instanceof KVClientError) || error.code !== "CONDITION_FAILED") throw error;
      return { type: "conflict", revision: error.problem?.revision ?? 0 };
    }
  }

  /** `deleted` is 0 when there was nothing. @throws CONDITION_FAILED */
  async delete(key: Bytes, options: DeleteOptions = {}): Promise<DeleteAnswer> {
    const answer = await this.#requester.send(
      {
        kind: "write",
        method: "DELETE",
        path: keyPath(key),
        headers: conditionHeaders(options),
        accept: [404],
      },
      options,
    );
    return decodeDelete(answer);
  }

  /** Every key of a range, in order, at one revision, fetched page by page as it is iterated. */
  async *list(options: ListOptions = {}): AsyncGenerator<Entry, void, void> {
    for await (const page of this.pages(options)) yield* page.entries;
  }

  /** The pages of a list, all at one revision. */
  async *pages(options: ListOptions = {}): AsyncGenerator<EntryPage, void, void> {
    let next: string | null = null;
    let remaining = options.limit ?? Number.POSITIVE_INFINITY;
    do {
      const path = listPath(options, next, remaining);
      const call = { kind: "read", method: "GET", path } as const;
      const page = decodePage(await this.#requester.send(call, options));
      yield page;
      remaining -= page.entries.length;
      next = page.continue;
    } while (next !== null && remaining > 0);
  }

  /** Deletes a prefix or a range in one revision. @throws RANGE_TOO_LARGE, and then does nothing */
  async deleteRange(range: KeyRange, options: CallOptions = {}): Promise<DeleteAnswer> {
    const call = { kind: "write", method: "DELETE", path: rangePath(range) } as const;
    return decodeDelete(await this.#requester.send(call, options));
  }

  /** Puts and deletes in one revision, all or nothing; each key at most once. */
  async batch(items: readonly BatchItem[], options: CallOptions = {}): Promise<BatchAnswer> {
    return decodeBatch(await this.#post("/v1/batch", batchBody(items), options));
  }

  /** Forgets history before a revision. */
  async compact(revision: number, options: CallOptions = {}): Promise<CompactAnswer> {
    return decodeCompact(await this.#post("/v1/compact", jsonBody({ revision }), options));
  }

  /** The cluster as the node that answers sees it. */
  async cluster(options: CallOptions = {}): Promise<ClusterStatus> {
    return decodeCluster(await this.#read("/v1/cluster", options));
  }

  async members(options: CallOptions = {}): Promise<readonly ClusterMember[]> {
    return decodeMembers(await this.#read("/v1/cluster/members", options)).members;
  }

  /** The node that answers, with its effective configuration. */
  async status(options: CallOptions = {}): Promise<NodeStatus> {
    return decodeStatus(await this.#read("/v1/status", options));
  }

  /** The state hash of the node that answers. */
  async hash(options: CallOptions = {}): Promise<StateHash> {
    return decodeHash(await this.#read("/v1/maintenance/hash", options));
  }

  /** What the answering node says of itself, also when it is not ready. */
  async readiness(options: CallOptions = {}): Promise<Readiness> {
    const call = { kind: "read", method: "GET", path: "/readyz", accept: [503] } as const;
    return decodeReadinessAnswer(await this.#requester.send(call, options));
  }

  /**
   * A consistent copy of the whole store, streamed. The caller reads it to its end or destroys it.
   */
  async snapshot(options: CallOptions = {}): Promise<SnapshotStream> {
    const picked = this.#picker.pick({ preferLeader: false });
    const token = await this.#tokens.token();
    return await openSnapshot(this.#agent, { picked, token, limits: this.#limits, ...options });
  }

  /** Endpoints with their figures, for status displays. */
  endpoints(): readonly EndpointView[] {
    return this.#picker.view();
  }

  /** Fails what is under way, and every later call; `close` is still needed. */
  abort(): void {
    this.#requester.close();
  }

  /** Fails what is under way and closes every connection. */
  async close(): Promise<void> {
    this.#requester.close();
    await this.#leader.idle();
    await this.#agent.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(path: string, options: CallOptions): Promise<Awaited<ReturnType<Requester["send"]>>> {
    const prefersLeader = path.startsWith("/v1/cluster");
    return await this.#requester.send(
      { kind: "read", method: "GET", path, prefersLeader },
      options,
    );
  }

  async #post(
    path: string,
    body: Uint8Array,
    options: CallOptions,
  ): Promise<Awaited<ReturnType<Requester["send"]>>> {
    const call = { kind: "write", method: "POST", path, headers: jsonHeaders, body } as const;
    return await this.#requester.send(call, options);
  }
}

function connectionSettings(limits: ClientLimits): Parameters<typeof createAgent>[0] {
  // The call's own deadline ends every wait, so the agent's timeouts are only a second line.
  const lastResortMs = Math.max(limits.timeoutMs, defaultClientLimits.timeoutMs) * 12;
  return {
    connectionsPerEndpointMax: limits.connectionsPerEndpointMax,
    connectTimeoutMs: limits.connectTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    headersTimeoutMs: lastResortMs,
    bodyIdleTimeoutMs: lastResortMs,
  };
}
