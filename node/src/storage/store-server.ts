/**
 * The half of the store that writes: takes requests in order, merges the appends that wait into one
 * sync and the applies that wait into one batch, and answers. It stops for good at the first error.
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
  #isBusy = false;
  #isStopped = false;
  #isIdleScheduled = false;
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

  /** Carries out what waits. */
  run(): void {
    this.#guarded(() => {
      while (this.#queue.length > 0 && !this.#isBusy && !this.#isStopped) this.#stage();
      this.#scheduleIdle();
    });
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

  /** Appends and applies up to the next request of another kind, or that one request. */
  #stage(): void {
    const [first] = this.#queue;
    if (first === undefined) return;
    if (first.type !== "append" && first.type !== "apply") {
      this.#queue.shift();
      this.#single(first);
      return;
    }
    const group = takeGroup(this.#queue, this.#limits.groupBytesMax);
    if (group.appends.length > 0) this.#append(group.appends, group.bytes);
    if (group.index !== null) this.#apply(group.index, group.applies);
  }

  #append(appends: readonly AppendRequest[], bytes: number): void {
    const start = this.#ports.monotonicMs();
    this.#core.append(appends);
    const ms = this.#ports.monotonicMs() - start;
    let entries = 0;
    for (const { block } of appends) entries += block.count;
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

  #scheduleIdle(): void {
    if (this.#isIdleScheduled || this.#isStopped || this.#isBusy) return;
    this.#isIdleScheduled = true;
    this.#ports.defer(() => {
      this.#isIdleScheduled = false;
      this.#guarded(() => this.#idle());
    });
  }

  /** Background work, one step at a time, only while nothing waits. */
  #idle(): void {
    if (this.#queue.length > 0 || this.#isBusy) return;
    if (this.#core.compactState()) this.#scheduleIdle();
    const now = this.#ports.monotonicMs();
    if (now - this.#gaugesAtMs < GAUGES_EVERY_MS) return;
    this.#gaugesAtMs = now;
    const gauges = {
      logBytes: this.#core.logBytes,
      stateBytes: this.#core.engine.approximateBytes(),
    };
    this.#ports.answer({ type: "gauges", gauges });
  }
}

interface Group {
  readonly appends: readonly AppendRequest[];
  readonly bytes: number;
  readonly applies: number;
  /** The furthest apply; null when there is none. */
  readonly index: LogIndex | null;
}

/** Takes the appends and applies at the head of the queue, as far as the bytes allow. */
const takeGroup = (queue: StoreRequest[], bytesMax: number): Group => {
  const appends: AppendRequest[] = [];
  let bytes = 0;
  let applies = 0;
  let index: LogIndex | null = null;
  for (const request of queue) {
    if (request.type === "append") {
      if (bytes > 0 && bytes + request.block.bytes.length > bytesMax) break;
      bytes += request.block.bytes.length;
      appends.push(request);
    } else if (request.type === "apply") {
      applies += 1;
      index = request.index;
    } else {
      break;
    }
  }
  queue.splice(0, appends.length + applies);
  return { appends, bytes, applies, index };
};
