/**
 * The loop: keys from the watches, workers that reconcile them, and when each comes back. Every
 * cluster is looked at anew after `resyncMs`, because its nodes announce no change.
 */
import type { ClusterKey, Failure, ReconcileResult } from "../reconcile/index.ts";
import { codeOf } from "../reconcile/index.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { ProcessClock, WorkQueue } from "./work-queue.ts";

/** The part of pino's logger that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

export interface ControllerParts {
  readonly reconcile: (key: ClusterKey) => Promise<ReconcileResult>;
  readonly queue: WorkQueue;
  readonly clock: ProcessClock;
  readonly metrics: OperatorMetrics;
  readonly log: Log;
  readonly workers: number;
  readonly resyncMs: number;
}

export class Controller {
  readonly #parts: ControllerParts;
  /** Clusters that were there at their last pass: each is told once when it is gone. */
  readonly #present = new Set<string>();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
  }

  /** Something of this cluster has changed. Only notes the key. */
  add(key: ClusterKey): void {
    this.#parts.queue.add(textOf(key));
  }

  /** Works until `signal` aborts; passes under way end first. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, workers } = this.#parts;
    const stop = (): void => queue.shutDown();
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    await Promise.all(Array.from({ length: workers }, () => this.#work()));
    signal.removeEventListener("abort", stop);
  }

  async #work(): Promise<void> {
    const { queue } = this.#parts;
    for (;;) {
      const text = await queue.take();
      if (text === null) return;
      try {
        await this.#pass(keyOf(text));
      } finally {
        queue.done(text);
      }
    }
  }

  async #pass(key: ClusterKey): Promise<void> {
    const { reconcile, clock, metrics, log } = this.#parts;
    const startedAt = clock.monotonic();
    const took = (): number => clock.monotonic() - startedAt;
    try {
      const result = await reconcile(key);
      if (result.type === "gone") this.#forget(key, took());
      else this.#settle(key, result, took());
    } catch (error) {
      // What a pass does not turn into a failure itself: the resource could not be read, or a
      // defect. Either is tried again, and told by log and metrics.
      metrics.notePass("error", took());
      metrics.noteFailure(codeOf(error));
      metrics.noteAttempt(key, null);
      log.error({ ...key, err: error, code: codeOf(error) }, "the pass could not be made");
      this.#retry(key);
    }
  }

  #forget(key: ClusterKey, tookMs: number): void {
    const { queue, metrics, log } = this.#parts;
    queue.forget(textOf(key));
    metrics.notePass("gone", tookMs);
    metrics.forgetCluster(key);
    // Each child that goes with it asks for another pass.
    if (this.#present.delete(textOf(key))) log.info({ ...key }, "the KVCluster is gone");
  }

  #settle(
    key: ClusterKey,
    result: Extract<ReconcileResult, { readonly type: "reconciled" }>,
    tookMs: number,
  ): void {
    const { queue, clock, metrics, log, resyncMs } = this.#parts;
    const { done, failures, status, requeueAfterMs, retryAfterMs } = result;
    this.#present.add(textOf(key));
    const hasFailed = failures.length > 0;
    metrics.notePass(hasFailed ? "failed" : "ok", tookMs);
    metrics.noteActions(done.length);
    metrics.noteCluster(key, status, hasFailed ? null : clock.now());
    for (const failure of failures) this.#tell(key, failure);
    const fields = { ...key, done, tookMs: Math.round(tookMs) };
    if (done.length > 0) log.info(fields, done.join("; "));
    else log.debug(fields, "nothing to do");
    const laterMs = hasFailed ? retryAfterMs : requeueAfterMs;
    if (laterMs === undefined) {
      this.#retry(key);
      return;
    }
    queue.forget(textOf(key));
    queue.addAfter(textOf(key), Math.min(laterMs, resyncMs));
  }

  #tell(key: ClusterKey, { attempted, code, message, cause }: Failure): void {
    const { metrics, log } = this.#parts;
    metrics.noteFailure(code);
    const fields = { ...key, code, attempted };
    // A code of ours or of a node says it all; without one it is a defect, and the stack matters.
    if (code === "internal") log.error({ ...fields, err: cause }, `could not ${attempted}`);
    else log.warn({ ...fields, reason: message }, `could not ${attempted}`);
  }

  /** With backoff, but no later than everything is looked at again. */
  #retry(key: ClusterKey): void {
    const { queue, metrics, resyncMs } = this.#parts;
    metrics.noteRetry();
    queue.addRateLimited(textOf(key));
    queue.addAfter(textOf(key), resyncMs);
  }
}

const textOf = ({ namespace, name }: ClusterKey): string => `${namespace}/${name}`;

function keyOf(text: string): ClusterKey {
  const at = text.indexOf("/");
  return { namespace: text.slice(0, at), name: text.slice(at + 1) };
}
