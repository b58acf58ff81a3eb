/**
 * Which of the operator's processes may act: the holder of one Lease, taken and renewed by
 * compare-and-swap on its resourceVersion. The library has none. Times as client-go's defaults:
 * expiry 15 s, own limit 10 s, a try every 2 s. Others' clocks are never believed: a Lease expires
 * by our own monotonic time since it was last seen to change.
 */
import { Deadline, type KubeClock, pause } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { at, type LiveObject, numberOf, recordOf, textOf } from "./decode-json.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import { microTime } from "./micro-time.ts";
import { createObject, type ObjectKey, readObject, replaceObject, type Target } from "./objects.ts";
import { resources } from "./resources.ts";

export interface LeaseElectorOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  readonly random: () => number;
  readonly lease: ObjectKey;
  /** Unique among processes, for one life of this one: the pod's name and something random. */
  readonly identity: string;
  /** A try to take or renew the Lease failed; leadership may still hold. */
  readonly onFailure?: (error: KubeError) => void;
}

/** `lost`: somebody else may act now, so this process must end. `stopped`: as it was told. */
export type ElectionEnd = "lost" | "stopped";

const LEASE_SECONDS = 15;
const RENEW_LIMIT_MS = 10_000;
const RETRY_MS = 2000;
/** A renewal that hangs must leave time for another before the limit. */
const REQUEST_TIMEOUT_MS = 4000;

interface LeaseSpec {
  readonly holder: string;
  readonly seconds: number;
  readonly transitions: number;
}

export class LeaseElector {
  readonly #options: LeaseElectorOptions;
  /** While it leads; its time is up when the Lease must be taken for lost. */
  #work: Deadline | null = null;
  /** The version seen last, and when it was first seen. */
  #seen: { readonly version: string; readonly at: number } | null = null;

  constructor(options: LeaseElectorOptions) {
    this.#options = options;
  }

  /** Whether this process may act right now; also while it is stopping. */
  get isLeader(): boolean {
    return this.#work !== null && !this.#work.isExpired;
  }

  /**
   * Waits for the Lease, then runs `lead` until `signal` aborts or the Lease is lost; either way
   * the signal given to `lead` aborts and `lead` is waited for. Renews until it has ended, then
   * gives the Lease back. @throws what `lead` throws
   * @param lead is given as well a signal that aborts only when the Lease is lost: until then what
   *   it has begun may end, and not a moment longer
   */
  async run(
    signal: AbortSignal,
    lead: (signal: AbortSignal, held: AbortSignal) => Promise<void>,
  ): Promise<ElectionEnd> {
    let renewedAt = await this.#acquire(signal);
    if (renewedAt === null) return "stopped";
    const work = new Deadline(this.#options.clock, this.#left(renewedAt));
    const done = new AbortController();
    this.#work = work;
    const leading = AbortSignal.any([signal, work.signal]);
    const led = lead(leading, work.signal).finally(() => done.abort());
    // It is awaited below; until then its failure must not count as nobody's.
    led.catch(() => undefined);
    try {
      while (!done.signal.aborted && !work.isExpired) {
        await pause(this.#options.clock, RETRY_MS, done.signal);
        if (done.signal.aborted || work.isExpired) break;
        const startedAt = await this.#try(done.signal);
        if (startedAt === "taken") work.extend(0);
        if (typeof startedAt !== "number") continue;
        renewedAt = startedAt;
        work.extend(this.#left(renewedAt));
      }
      await led;
    } finally {
      this.#work = null;
      work.release();
      if (!work.isExpired) await this.#release();
    }
    return work.isExpired ? "lost" : "stopped";
  }

  /** ms of leadership left, counted from before the renewal was sent. */
  #left(renewedAt: number): number {
    return Math.max(0, renewedAt + RENEW_LIMIT_MS - this.#options.clock.monotonic());
  }

  async #acquire(signal: AbortSignal): Promise<number | null> {
    while (!signal.aborted) {
      const startedAt = await this.#try(signal);
      if (typeof startedAt === "number") return startedAt;
      const jitter = 1 + 0.2 * this.#options.random();
      await pause(this.#options.clock, RETRY_MS * jitter, signal);
    }
    return null;
  }

  /** When the successful try began; `taken`: another holds it; `failed`: nothing is known. */
  async #try(signal: AbortSignal): Promise<number | "taken" | "failed"> {
    const { clock, onFailure } = this.#options;
    const startedAt = clock.monotonic();
    const deadline = new Deadline(clock, REQUEST_TIMEOUT_MS, signal);
    try {
      return (await this.#takeOrRenew(deadline.signal)) ? startedAt : "taken";
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      // Somebody was quicker; the next look tells who.
      const isRace = isKubeError(error, "conflict", "alreadyExists");
      if (!isRace && !signal.aborted) onFailure?.(error);
      return "failed";
    } finally {
      deadline.release();
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { connection, lease, identity } = this.#options;
    const live = await readObject(connection, leaseAt(lease), { signal, retriesMax: 0 });
    if (live === null) {
      const created = { ...leaseHead(lease), spec: this.#spec({ transitions: 0 }, null) };
      this.#note(await createObject(connection, created, { signal, retriesMax: 0 }));
      return true;
    }
    const spec = specOf(live);
    const isOurs = spec.holder === identity;
    this.#note(live);
    if (!isOurs && spec.holder !== "" && !this.#isExpired(spec)) return false;
    const transitions = spec.transitions + (isOurs ? 0 : 1);
    const wanted = this.#spec({ transitions }, isOurs ? at(live, "spec", "acquireTime") : null);
    const body = { ...live, spec: { ...recordOf(live["spec"]), ...wanted } };
    this.#note(await replaceObject(connection, body, { signal, retriesMax: 0 }));
    return true;
  }

  #note(live: LiveObject): void {
    const version = live.metadata.resourceVersion;
    if (this.#seen?.version === version) return;
    this.#seen = { version, at: this.#options.clock.monotonic() };
  }

  #isExpired(spec: LeaseSpec): boolean {
    const seenAt = this.#seen?.at ?? this.#options.clock.monotonic();
    return this.#options.clock.monotonic() > seenAt + spec.seconds * 1000;
  }

  #spec(
    { transitions }: { readonly transitions: number },
    acquiredAt: unknown,
  ): Readonly<Record<string, unknown>> {
    const now = microTime(this.#options.clock.now());
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: textOf(acquiredAt) ?? now,
      renewTime: now,
      leaseTransitions: transitions,
    };
  }

  /** So that the next process need not wait 15 s. If it fails, it waits. */
  async #release(): Promise<void> {
    const { connection, clock, lease, identity, onFailure } = this.#options;
    const deadline = new Deadline(clock, REQUEST_TIMEOUT_MS);
    const options = { signal: deadline.signal, retriesMax: 0 };
    try {
      const live = await readObject(connection, leaseAt(lease), options);
      if (live === null || specOf(live).holder !== identity) return;
      const spec = { ...recordOf(live["spec"]), holderIdentity: "", leaseDurationSeconds: 1 };
      await replaceObject(connection, { ...live, spec }, options);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      onFailure?.(error);
    } finally {
      deadline.release();
    }
  }
}

const leaseAt = (key: ObjectKey): Target => ({ resource: resources.lease, key });

const leaseHead = (
  lease: ObjectKey,
): { apiVersion: string; kind: string; metadata: ObjectKey } => ({
  apiVersion: resources.lease.apiVersion,
  kind: resources.lease.kind,
  metadata: lease,
});

function specOf(live: LiveObject): LeaseSpec {
  const spec = live["spec"];
  return {
    holder: textOf(at(spec, "holderIdentity")) ?? "",
    seconds: numberOf(at(spec, "leaseDurationSeconds")) ?? LEASE_SECONDS,
    transitions: numberOf(at(spec, "leaseTransitions")) ?? 0,
  };
}
