/**
 * The half of the store that writes: takes requests in order, merges the appends that wait into one
 * sync and the applies that wait into one batch, and answers. What was durable before may be
 * applied while a group is on its way to the disk. It stops for good at the first error.
 */
import type { LogIndex } from "../raft/index.ts";
import { toErrorMessage } from "./errors.ts";
import { packSettled } from "./settled-codec.ts";
import type { Engine } from "./state/index.ts";
import type { AppendRequest, StoreCore } from "./store-core.ts";
import type { SingleRequest, StateAccess, StoreAnswer, StoreRequest } from "./store-messages.ts";

export interface ServerPorts {
  answer(answer: StoreAnswer): void;
  /** How the other half reaches an engine. */
  access(engine: Engine): StateAccess;
  /** Milliseconds of a clock that never goes back. */
  monotonicMs(): number;
  /** Calls later, after requests that have arrived meanwhile. */
  defer(task: () => void): void;
  /** The error, before the answer that reports it: a simulated crash is none of ours. */
  onError(error: unknown): void;
}

/** Requests that open or close an engine, which takes turns of the event loop. */
type EngineRequest = Extract<
  SingleRequest,
  { readonly type: "beginInstall" | "abortInstall" | "releaseReplaced" | "close" }
>;

interface Limits {
  readonly groupBytesMax: number;
}

/** Gauges are sent when so much time has passed since the last. */
const GAUGES_EVERY_MS = 1000;

export class StoreServer {
  readonly #core: StoreCore;
  readonly #ports: ServerPorts;
  readonly #limits: Limits;
  #queue: StoreRequest[] = [];
  /** The appends on their way to the disk. */
  #syncing: readonly AppendRequest[] | null = null;
  #isRunning = false;
  #isBusy = false;
  #isStopped = false;
  #isIdleScheduled = false;
  #isWritingBack = false;
  #gaugesAtMs = Number.NEGATIVE_INFINITY;

  constructor(core: StoreCore, limits: Limits, ports: ServerPorts) {
    this.#core = core;
    this.#limits = limits;
    this.#ports = ports;
    const recovered = core.recovered();
    ports.answer({ type: "opened", recovered, access: ports.access(core.engine) });
    this.#scheduleIdle();
  }

  /** Takes requests without carrying them out: first collect all that have arrived. */
  enqueue(requests: readonly StoreRequest[]): void {
    this.#queue.push(...requests);
  }

  /** Carries out what waits and can be done now. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#guarded(() => {
      while (!this.#isBusy && !this.#isStopped && this.#stage()) {
        // Each stage does one thing and says whether there may be another.
      }
    });
    this.#isRunning = false;
    this.#scheduleIdle();
  }

  /** An engine failed outside of a request: final, as any error. */
  fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#queue = [];
    this.#ports.onError(error);
    this.#ports.answer({ type: "fatal", error: toErrorMessage(error) });
  }

  #guarded(act: () => void): void {
    if (this.#isStopped) return;
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  /** First the next group goes to the disk, then there is time to apply, then for the others. */
  #stage(): boolean {
    if (this.#syncing === null) {
      const appends = takeAppends(this.#queue, this.#limits.groupBytesMax);
      if (appends.length > 0) this.#append(appends);
    }
    const applies = takeApplies(this.#queue, firstIndexOf(this.#syncing ?? []));
    const last = applies.at(-1);
    if (last !== undefined) {
      this.#apply(last.index, applies.length);
      return true;
    }
    const [first] = this.#queue;
    if (this.#syncing !== null || first === undefined) return false;
    if (first.type === "append" || first.type === "apply") return true;
    this.#queue.shift();
    this.#single(first);
    return true;
  }

  /**
   * Waits for the disk when there is nothing to do meanwhile: a lone write is sooner done so. What
   * is durable but not applied will be asked for any moment, as soon as a quorum has it.
   */
  #append(appends: readonly AppendRequest[]): void {
    const start = this.#ports.monotonicMs();
    if (!this.#core.hasUnapplied) {
      this.#core.append(appends);
      this.#appended(appends, start);
      return;
    }
    this.#syncing = appends;
    this.#core.appendLater(appends, (error) => {
      if (this.#isStopped) return;
      this.#syncing = null;
      if (error === undefined) this.#appended(appends, start);
      else this.fail(error);
      this.run();
    });
  }

  #appended(appends: readonly AppendRequest[], start: number): void {
    let entries = 0;
    let bytes = 0;
    for (const { block } of appends) {
      entries += block.count;
      bytes += block.bytes.length;
    }
    const ms = this.#ports.monotonicMs() - start;
    this.#ports.answer({ type: "appended", requests: appends.length, entries, bytes, ms });
  }

  #apply(index: LogIndex, requests: number): void {
    const start = this.#ports.monotonicMs();
    const before = this.#core.summary.appliedIndex;
    const { summary, settled, divergence } = this.#core.apply(index);
    this.#ports.answer({
      type: "applied",
      requests,
      entries: summary.appliedIndex - before,
      summary,
      settled: packSettled(settled),
      divergence,
      ms: this.#ports.monotonicMs() - start,
    });
    if (!this.#isWritingBack && this.#core.isWriteBackDue) this.#writeBack();
  }

  #writeBack(): void {
    this.#isWritingBack = true;
    this.#core.writeBack((error) => {
      this.#isWritingBack = false;
      if (error !== undefined) this.fail(error);
    });
  }

  #single(request: SingleRequest): void {
    const answer = this.#answerTo(request);
    if (answer !== null) this.#ports.answer(answer);
  }

  /** @returns null when the answer comes later */
  #answerTo(request: SingleRequest): StoreAnswer | null {
    const core = this.#core;
    switch (request.type) {
      case "read": {
        const { from, to, bytesMax } = request;
        return { type: "entries", blocks: core.read(from, to, bytesMax) };
      }
      case "compactLog":
        return { type: "compacted", ...core.compactLog(request.index) };
      case "openSnapshot": {
        const { metadata, revision } = core.openSnapshot(request.id);
        return { type: "snapshot", metadata, revision };
      }
      case "nextChunk":
        return { type: "chunk", chunk: core.nextChunk(request.id) };
      case "closeSnapshot":
        core.closeSnapshot(request.id);
        return { type: "done" };
      case "writeChunk":
        return { type: "written", ok: core.writeChunk(request.chunk) };
      case "install":
        return this.#install();
      default:
        this.#engineWork(request);
        return null;
    }
  }

  #engineWork(request: EngineRequest): void {
    const core = this.#core;
    this.#whileBusy((done) => {
      switch (request.type) {
        case "beginInstall":
          core.beginInstall(request.metadata, done);
          break;
        case "abortInstall":
          core.abortInstall(done);
          break;
        case "releaseReplaced":
          core.releaseReplaced(done);
          break;
        case "close":
          core.close(() => {
            this.#isStopped = true;
            done();
          });
          break;
      }
    });
  }

  #install(): StoreAnswer {
    const summary = this.#core.install();
    if (summary === null) return { type: "installed", outcome: null };
    const access = this.#ports.access(this.#core.engine);
    return { type: "installed", outcome: { summary, access } };
  }

  /** Opening and closing engines takes turns of the event loop; requests wait meanwhile. */
  #whileBusy(begin: (done: () => void) => void): void {
    this.#isBusy = true;
    begin(() => {
      this.#isBusy = false;
      this.#ports.answer({ type: "done" });
      if (!this.#isStopped) this.#ports.defer(() => this.run());
    });
  }

  /** Only when there is something to do then: each turn of the loop costs a lone write time. */
  #scheduleIdle(): void {
    if (this.#isIdleScheduled || this.#isStopped || this.#isBusy) return;
    if (!this.#core.isCompactionPending && !this.#areGaugesDue()) return;
    this.#isIdleScheduled = true;
    this.#ports.defer(() => {
      this.#isIdleScheduled = false;
      this.#guarded(() => this.#idle());
    });
  }

  #areGaugesDue(): boolean {
    return this.#ports.monotonicMs() - this.#gaugesAtMs >= GAUGES_EVERY_MS;
  }

  /** Background work, one step at a time, only while nothing waits. */
  #idle(): void {
    if (this.#queue.length > 0 || this.#isBusy || this.#syncing !== null) return;
    this.#core.removeCompacted();
    if (!this.#areGaugesDue()) return;
    this.#gaugesAtMs = this.#ports.monotonicMs();
    const gauges = {
      logBytes: this.#core.logBytes,
      stateBytes: this.#core.engine.approximateBytes(),
    };
    this.#ports.answer({ type: "gauges", gauges });
  }
}

type Append = Extract<StoreRequest, { readonly type: "append" }>;
type Apply = Extract<StoreRequest, { readonly type: "apply" }>;

/** Smallest first index of these appends; infinity when they have no entries. */
const firstIndexOf = (appends: readonly AppendRequest[]): number => {
  let first = Number.POSITIVE_INFINITY;
  for (const { block } of appends) if (block.count > 0) first = Math.min(first, block.firstIndex);
  return first;
};

/** Takes the appends before the next request that is neither append nor apply, within the limit. */
const takeAppends = (queue: StoreRequest[], bytesMax: number): readonly Append[] => {
  const taken: Append[] = [];
  let bytes = 0;
  for (const request of queue) {
    if (request.type === "apply") continue;
    if (request.type !== "append") break;
    if (bytes > 0 && bytes + request.block.bytes.length > bytesMax) break;
    bytes += request.block.bytes.length;
    taken.push(request);
  }
  removeFrom(queue, taken);
  return taken;
};

/**
 * Takes the applies that need none of the entries that are not durable yet: those being synced,
 * from `unsyncedFrom` on, and those that wait in the queue before the apply.
 */
const takeApplies = (queue: StoreRequest[], unsyncedFrom: number): readonly Apply[] => {
  const taken: Apply[] = [];
  let limit = unsyncedFrom;
  for (const request of queue) {
    if (request.type === "append") limit = Math.min(limit, firstIndexOf([request]));
    else if (request.type !== "apply" || request.index >= limit) break;
    else taken.push(request);
  }
  removeFrom(queue, taken);
  return taken;
};

/** Both lists are in the same order. */
const removeFrom = (queue: StoreRequest[], taken: readonly StoreRequest[]): void => {
  if (taken.length === 0) return;
  let next = 0;
  const rest = queue.filter((request) => {
    const isTaken = request === taken[next];
    if (isTaken) next += 1;
    return !isTaken;
  });
  queue.splice(0, queue.length, ...rest);
};
