/**
 * Concurrent clients that read and write the same few keys and record every operation: plain ones
 * at each node and at the balancer, and the product's client over all nodes and at the balancer.
 */
import { pause } from "../cluster/polling.test-kit.ts";
import type { Random } from "../simulation/random.test-kit.ts";
import type { Condition, Operation, Outcome, Request } from "./operation.test-kit.ts";
import type { Performer } from "./plain-client.test-kit.ts";

export const PREFIX = "r/";
/** Ten keys under each of twelve prefixes. */
const PREFIXES = 12;
const KEYS_OF_PREFIX = 10;
/** Above an election, so that most writes that it holds up are answered. */
const TIMEOUT_MS = 2_500;
/** Nothing is wrong yet, but the machine may be busy. */
const SEEDING_TIMEOUT_MS = 30_000;
/** A client that was refused does not ask again at once. */
const REFUSED_PAUSE_MS = 150;
/** Clients at each node; as many of each of the other kinds. */
const CLIENTS_OF_A_KIND = 4;
/**
 * Clients at each node that only read: those that also write are soon all held up by a write at a
 * leader that has lost its majority, and would never see that it serves the past.
 */
const READERS_OF_A_NODE = 2;

/** The ways to the store that clients take. */
export interface Ways {
  /** To each node by itself. */
  readonly nodes: readonly Performer[];
  /** Every other way: a balancer or a Service, the product's client. */
  readonly others: readonly Performer[];
}

export interface WorkloadOptions {
  readonly random: Random;
  /** Makes the values of this workload its own. */
  readonly label: string;
  readonly baseRevision: number;
  /** Between two operations of a client: of many minutes a checker could not keep every one. */
  readonly pauseMs?: number;
}

interface Client {
  readonly performer: Performer;
  readonly draw: (random: Random, drawing: Drawing) => Request;
}

export class Workload {
  readonly operations: Operation[] = [];
  readonly #clients: readonly Client[];
  readonly #random: Random;
  readonly #baseRevision: number;
  readonly #label: string;
  readonly #pauseMs: number;
  #newestRevision: number;
  #written = 0;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  /** What no client may meet. */
  failure: unknown = null;

  constructor(ways: Ways, options: WorkloadOptions) {
    this.#clients = makeClients(ways);
    this.#pauseMs = options.pauseMs ?? 0;
    this.#random = options.random;
    this.#label = options.label;
    this.#baseRevision = options.baseRevision;
    this.#newestRevision = options.baseRevision;
  }

  /** Writes that were answered with a revision. */
  get written(): number {
    return this.#written;
  }

  start(): void {
    const running = this.#clients.map((client, number) => this.#run(client, number));
    this.#running = Promise.all(running).then(() => {});
    this.#running.catch((error: unknown) => {
      this.failure = error;
      this.#isStopping = true;
    });
  }

  /** Ends it. What a client must not meet is in `failure`. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.allSettled([this.#running]);
  }

  /** A few writes, one after the other, before everything else. */
  async seed(performer: Performer, writes: number): Promise<void> {
    for (let n = 0; n < writes; n += 1) {
      const key = `${PREFIX}${n % PREFIXES}/${n % KEYS_OF_PREFIX}`;
      const value = `${this.#label}s${n}`;
      const request = { type: "put", key, value, condition: { type: "none" } } as const;
      const { type } = await performer.perform(request, { timeoutMs: SEEDING_TIMEOUT_MS });
      if (type !== "ok") throw new Error(`a write before all faults came to ${type}`);
    }
  }

  async #run({ performer, draw }: Client, client: number): Promise<void> {
    const random = this.#random.fork(`client ${client}`);
    /** modRevision by key as this client last saw it: what its conditions expect. */
    const seen = new Map<string, number>();
    for (let n = 0; !this.#isStopping; n += 1) {
      const value = `${this.#label}c${client}n${n}`;
      const request = draw(random, {
        value,
        seen,
        at: random.integer(this.#baseRevision, this.#newestRevision + 2),
      });
      const calledAt = performance.now();
      const outcome = await performer.perform(request, { timeoutMs: TIMEOUT_MS });
      const returnedAt = performance.now();
      this.operations.push({ client, request, calledAt, returnedAt, outcome });
      this.#note(request, outcome, seen);
      if (outcome.type === "failed") await pause(REFUSED_PAUSE_MS);
      else if (this.#pauseMs > 0) await pause(this.#pauseMs);
    }
  }

  #note(request: Request, outcome: Outcome, seen: Map<string, number>): void {
    if (outcome.type !== "ok") return;
    const { answer } = outcome;
    if (answer.type === "written") {
      this.#written += 1;
      this.#newestRevision = Math.max(this.#newestRevision, answer.revision);
      if (request.type === "put") seen.set(request.key, answer.revision);
    }
    if (answer.type === "record" && request.type === "get" && request.at === null) {
      seen.set(request.key, answer.record?.modRevision ?? 0);
    }
  }
}

function makeClients({ nodes, others }: Ways): readonly Client[] {
  const all = [...nodes, ...others].map((performer) => ({ performer, draw: drawRequest }));
  const reading = nodes.map((performer) => ({ performer, draw: drawRead }));
  return [
    ...Array.from({ length: CLIENTS_OF_A_KIND }, () => all),
    ...Array.from({ length: READERS_OF_A_NODE }, () => reading),
  ].flat();
}

interface Drawing {
  readonly value: string;
  readonly seen: ReadonlyMap<string, number>;
  /** A revision of the past, or of the very near future. */
  readonly at: number;
}

function drawRequest(random: Random, { value, seen, at }: Drawing): Request {
  const prefix = `${PREFIX}${random.integer(0, PREFIXES - 1)}/`;
  const key = `${prefix}${random.integer(0, KEYS_OF_PREFIX - 1)}`;
  const condition = drawCondition(random, seen.get(key));
  const kind = random.next();
  if (kind < 0.32) return { type: "put", key, value, condition: { type: "none" } };
  if (kind < 0.46) return { type: "put", key, value, condition };
  if (kind < 0.52) return { type: "delete", key, condition: { type: "none" } };
  if (kind < 0.54 && condition.type !== "absent") return { type: "delete", key, condition };
  if (kind < 0.55) return { type: "deletePrefix", prefix };
  if (kind < 0.61) return drawBatch(random, prefix, value);
  if (kind < 0.9) return { type: "get", key, at: null };
  if (kind < 0.95) return { type: "get", key, at };
  if (kind < 0.98) return { type: "list", prefix, at: null };
  return { type: "list", prefix: PREFIX, at: random.chance(0.5) ? at : null };
}

/** Mostly what is newest, and much of it. */
function drawRead(random: Random, { at }: Drawing): Request {
  const prefix = `${PREFIX}${random.integer(0, PREFIXES - 1)}/`;
  const kind = random.next();
  if (kind < 0.3) return { type: "list", prefix, at: null };
  if (kind < 0.35) return { type: "list", prefix: PREFIX, at: random.chance(0.5) ? at : null };
  const key = `${prefix}${random.integer(0, KEYS_OF_PREFIX - 1)}`;
  return { type: "get", key, at: null };
}

function drawCondition(random: Random, seen: number | undefined): Condition {
  if (seen === undefined || seen === 0) {
    return { type: random.chance(0.8) ? "absent" : "exists" };
  }
  return random.chance(0.9) ? { type: "modRevision", revision: seen } : { type: "exists" };
}

/** Two puts and a deletion, each key once. */
function drawBatch(random: Random, prefix: string, value: string): Request {
  const first = random.integer(0, KEYS_OF_PREFIX - 1);
  const key = (n: number): string => `${prefix}${(first + n) % KEYS_OF_PREFIX}`;
  return {
    type: "batch",
    items: [
      { key: key(0), value: `${value}a` },
      { key: key(1), value: `${value}b` },
      { key: key(2), value: null },
    ],
  };
}
