/**
 * Puts the operator together and runs it: watches for everybody, work for the holder of the Lease.
 * Owns the order of starting and stopping.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import {
  Controller,
  HealthServer,
  OperatorMetrics,
  type OperatorSettings,
  WorkQueue,
} from "./controller/index.ts";
import {
  Caches,
  type CrdFault,
  checkCrd,
  createKubePort,
  EventRecorder,
  isKubeError,
  type KubeConnection,
  type KubeError,
  LeaseElector,
  type ReflectorHooks,
  systemClock,
  TokenIssuer,
} from "./kube/index.ts";
import { StoreMembers } from "./members/index.ts";
import { plan } from "./model/index.ts";
import { type ReconcileParts, reconcile } from "./reconcile/index.ts";
import { version } from "./version.ts";
import { whileLeading } from "./while-leading.ts";

export interface OperatorParts {
  readonly settings: OperatorSettings;
  readonly log: Logger;
  /** Made with `onAnswer` leading to `metrics`, which therefore is made before it. */
  readonly connection: KubeConnection;
  readonly metrics: OperatorMetrics;
  readonly view: OperatorView;
}

/** What metrics and probes look at; filled as the parts come into being. */
export class OperatorView {
  caches: Caches | null = null;
  /** While this process leads. */
  queue: WorkQueue | null = null;
}

/** Why the operator ended, when nothing threw. */
export type OperatorEnd =
  | { readonly type: "stopped" }
  /** Another process may act now. */
  | { readonly type: "leaseLost" }
  | { readonly type: "crdRefused"; readonly fault: CrdFault };

const CRD_RETRY_MS = 2_000;
/** A pass takes seconds; one that takes this long hangs, and only a restart heals it. */
const STUCK_AFTER_MS = 600_000;

export function createMetrics(view: OperatorView): OperatorMetrics {
  return new OperatorMetrics(version, {
    queue: () => view.queue,
    watches: () => view.caches?.reports() ?? [],
  });
}

/** Runs until `signal` aborts or it cannot go on. @throws when a part has a defect */
export async function runOperator(parts: OperatorParts, signal: AbortSignal): Promise<OperatorEnd> {
  const { settings, log, metrics, view } = parts;
  const health = createHealth(parts);
  const port = await health.listen(settings.httpPort);
  log.info({ port, version, watchNamespaces: settings.watchNamespaces }, "the operator starts");
  const life = new AbortController();
  const all = AbortSignal.any([signal, life.signal]);
  try {
    const fault = await untilCrdIsKnown(parts, signal);
    if (fault !== null) return { type: "crdRefused", fault };
    const work = new Work(parts);
    view.caches = work.caches;
    const watched = Promise.all([work.caches.run(all), work.issuer.run(all)]);
    const ended = work.lead(signal).finally(() => life.abort());
    const [end] = await Promise.all([ended, watched.finally(() => life.abort())]);
    return end;
  } finally {
    life.abort();
    metrics.setLeader(false);
    await health.close();
  }
}

/** Null once the CRD is there and right, or when `signal` aborts; waits for the API server. */
async function untilCrdIsKnown(
  { connection, log }: OperatorParts,
  signal: AbortSignal,
): Promise<CrdFault | null> {
  while (!signal.aborted) {
    try {
      return await checkCrd(connection);
    } catch (error) {
      if (!isKubeError(error, "unavailable", "timeout", "tooManyRequests")) throw error;
      log.warn({ err: error }, "the API server does not answer yet");
      await pause(CRD_RETRY_MS, signal);
    }
  }
  return null;
}

/** The time for which this process may act. */
interface Term {
  /** Aborts when the Lease is lost or the process is told to stop. */
  readonly leading: AbortSignal;
  /** Aborts only in the latter case: then passes under way may end in order. */
  readonly told: AbortSignal;
  /** Aborts only when the Lease is lost: then nothing may be on its way any more. */
  readonly held: AbortSignal;
  readonly isLeader: () => boolean;
}

class Work {
  readonly caches: Caches;
  readonly issuer: TokenIssuer;
  readonly #parts: OperatorParts;
  readonly #identity: string;
  #controller: Controller | null = null;

  constructor(parts: OperatorParts) {
    const { connection, settings, log } = parts;
    this.#parts = parts;
    this.#identity = `${settings.podName}_${randomUUID()}`;
    this.caches = new Caches({
      connection,
      clock: systemClock,
      random: Math.random,
      watchNamespaces: settings.watchNamespaces,
      onChange: (key) => this.#controller?.add(key),
      hooks: watchHooks(parts),
      onDiscoveryFailure: (error) => warn(log, error, "cannot see which APIs there are"),
    });
    this.issuer = new TokenIssuer({
      connection,
      clock: systemClock,
      onChange: () => this.caches.enqueueAll(),
      onFailure: (error) => warn(log, error, "cannot read the API server's token keys"),
    });
  }

  /** Waits for caches and Lease, then works until `signal` aborts or the Lease is lost. */
  async lead(signal: AbortSignal): Promise<OperatorEnd> {
    const { connection, settings, log } = this.#parts;
    await this.caches.waitForSync(signal);
    if (signal.aborted) return { type: "stopped" };
    log.info({}, "everything is known");
    if (!settings.leaderElection) {
      const held = new AbortController().signal;
      await this.#work({ leading: signal, told: signal, held, isLeader: () => true });
      return { type: "stopped" };
    }
    const elector = new LeaseElector({
      connection,
      clock: systemClock,
      random: Math.random,
      lease: { namespace: settings.podNamespace, name: settings.leaseName },
      identity: this.#identity,
      onFailure: (error) => warn(log, error, "cannot take or renew the Lease"),
    });
    const isLeader = (): boolean => elector.isLeader;
    const end = await elector.run(signal, (leading, held) =>
      this.#work({ leading, told: signal, held, isLeader }),
    );
    return { type: end === "lost" ? "leaseLost" : "stopped" };
  }

  async #work({ leading, told, held, isLeader }: Term): Promise<void> {
    const { settings, log, metrics, view } = this.#parts;
    const queue = new WorkQueue({ clock: systemClock, random: Math.random });
    await using members = new StoreMembers();
    const over = new AbortController();
    const { kube, ...rest } = this.#passParts(AbortSignal.any([held, over.signal]));
    const mayWrite = (): boolean => !over.signal.aborted && isLeader();
    const passes: ReconcileParts = { ...rest, ...whileLeading({ kube, members }, mayWrite) };
    const controller = new Controller({
      reconcile: (key) => reconcile(passes, key),
      clock: systemClock,
      workers: settings.workers,
      resyncMs: settings.resyncSeconds * 1_000,
      ...{ queue, metrics, log },
    });
    view.queue = queue;
    this.#controller = controller;
    metrics.setLeader(true);
    log.info({ identity: this.#identity }, "this process leads");
    const ended = controller.run(leading);
    this.caches.enqueueAll();
    await Promise.race([ended, this.#overdue(leading, told)]);
    // Whatever still runs must not write after the Lease was given back, nor be on its way.
    over.abort();
    this.#controller = null;
    view.queue = null;
  }

  /** @param signal ends every request to the API server that a pass has made */
  #passParts(signal: AbortSignal): Omit<ReconcileParts, "members"> {
    const { settings, log } = this.#parts;
    const connection = this.#parts.connection.within(signal);
    const { caches, issuer } = this;
    const instance = this.#identity;
    const events = new EventRecorder({
      ...{ connection, instance },
      clock: systemClock,
      onDropped: ({ metadata: { namespace, name } }, { reason, note }) => {
        log.info({ namespace, name, reason, note }, "too many Events: this one is told here only");
      },
    });
    return {
      kube: createKubePort({ connection, caches, issuer, events }),
      clock: systemClock,
      plan,
      defaults: {
        image: settings.nodeImage,
        operatorNamespace: settings.podNamespace,
        operatorLabels: settings.operatorLabels,
      },
    };
  }

  /** Resolves when passes under way may not be waited for any longer: at once without the Lease. */
  async #overdue(leading: AbortSignal, told: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      if (leading.aborted) resolve();
      leading.addEventListener("abort", () => resolve(), { once: true });
    });
    const { settings, log } = this.#parts;
    if (!told.aborted) return;
    await pause(settings.stopSeconds * 1_000, null);
    log.warn({ seconds: settings.stopSeconds }, "passes under way are left unfinished");
  }
}

function createHealth({ view, metrics }: OperatorParts): HealthServer {
  const synced = () => ({
    name: "synced",
    fault: view.caches?.hasSynced === true ? null : "not everything has been listed yet",
  });
  const contact = () => ({
    name: "contact",
    fault: view.caches?.isFresh === true ? null : "a watch has heard nothing for five minutes",
  });
  const workers = () => {
    const isStuck = (view.queue?.longestMs ?? 0) > STUCK_AFTER_MS;
    return { name: "workers", fault: isStuck ? "a pass does not end" : null };
  };
  return new HealthServer({
    live: () => [workers()],
    ready: () => [synced(), contact()],
    started: () => [synced()],
    metrics: () => metrics.render(),
    metricsType: metrics.contentType,
  });
}

const watchHooks = ({ metrics, log }: OperatorParts): ReflectorHooks => ({
  onListed: (kind, reason, objects) => {
    metrics.noteRelist(kind, reason);
    log.debug({ kind, reason, objects }, "listed");
  },
  onWatch: (kind, isOpen) => metrics.noteWatch(kind, isOpen),
  onFailure: (kind, error, retryMs) => {
    metrics.noteWatchFailure(kind);
    if (retryMs > 0) warn(log, error, `the watch of ${kind} begins again in ${retryMs} ms`);
  },
});

function warn(log: Logger, error: KubeError, message: string): void {
  log.warn({ code: error.code, reason: error.message }, message);
}

/** Ends early when `signal` aborts. Does not keep the process alive. */
function pause(ms: number, signal: AbortSignal | null): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
