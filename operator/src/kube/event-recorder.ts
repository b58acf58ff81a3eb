/**
 * Events on KVClusters (events.k8s.io/v1): what was decided and why, for `kubectl describe`. The
 * same reason and note for the same object is one Event, counted in its series and written again
 * at most every few minutes; its name follows from what it says, so that this holds over restarts.
 */
import { createHash } from "node:crypto";
import { apiGroup, apiVersion, type EventIntent, type KVCluster } from "../model/index.ts";
import type { KubeClock } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { isKubeError } from "./kube-error.ts";
import { microTime } from "./micro-time.ts";
import { createObject, patchObject } from "./objects.ts";
import { resources } from "./resources.ts";

export interface EventRecorderOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  /** Which process reports: its identity in the Lease. */
  readonly instance: string;
  /** An Event beyond the limit for one object was not written: it goes to the log. */
  readonly onDropped?: (cluster: KVCluster, event: EventIntent) => void;
}

/** Limits of the API (events.k8s.io/v1): note 1024 bytes, instance 128. */
const NOTE_BYTES_MAX = 1024;
const INSTANCE_CHARACTERS_MAX = 128;
/** The API server keeps Events for an hour; then the same is news again. */
const NEWS_AFTER_MS = 3_600_000;
const SERIES_WRITE_MS = 300_000;
const REMEMBERED_MAX = 2000;
/**
 * For one object and type of Event: so many at once, and one more each ten seconds. Notes with
 * numbers never repeat. Scaling 3 → 5 → 3 takes 27; warnings have an allowance of their own, so
 * that no chatter is in their way.
 */
const BURST_MAX = 100;
const REFILL_MS = 10_000;

interface Told {
  count: number;
  readonly firstAt: number;
  writtenAt: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By event name, the one told longest ago first. */
  readonly #told = new Map<string, Told>();
  /** By uid of the object and type: when its allowance is whole again, on the monotonic clock. */
  readonly #wholeAt = new Map<string, number>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** @throws KubeError */
  async record(cluster: KVCluster, event: EventIntent): Promise<void> {
    const now = this.#options.clock.monotonic();
    const name = eventName(cluster, event);
    const told = this.#told.get(name);
    if (told === undefined || now - told.firstAt >= NEWS_AFTER_MS) {
      if (!this.#isAllowed(`${cluster.metadata.uid} ${event.type}`, now)) {
        this.#options.onDropped?.(cluster, event);
        return;
      }
      await this.#create(cluster, event, name);
      return this.#remember(name, { count: 1, firstAt: now, writtenAt: now });
    }
    told.count++;
    if (now - told.writtenAt < SERIES_WRITE_MS) return;
    told.writtenAt = now;
    await this.#count(cluster, name, told.count);
  }

  #isAllowed(whose: string, now: number): boolean {
    for (const [known, wholeAt] of this.#wholeAt) if (wholeAt <= now) this.#wholeAt.delete(known);
    const wholeAt = (this.#wholeAt.get(whose) ?? now) + REFILL_MS;
    if (wholeAt > now + BURST_MAX * REFILL_MS) return false;
    this.#wholeAt.set(whose, wholeAt);
    return true;
  }

  async #create(cluster: KVCluster, event: EventIntent, name: string): Promise<void> {
    const { connection, clock, instance } = this.#options;
    const { namespace } = cluster.metadata;
    try {
      await createObject(connection, {
        apiVersion: resources.event.apiVersion,
        kind: resources.event.kind,
        metadata: { namespace, name },
        eventTime: microTime(clock.now()),
        reportingController: `${apiGroup}/operator`,
        reportingInstance: instance.slice(0, INSTANCE_CHARACTERS_MAX),
        action: "Reconcile",
        reason: event.reason,
        type: event.type,
        note: shorten(event.note),
        regarding: referenceTo(cluster),
      });
    } catch (error) {
      if (!isKubeError(error, "alreadyExists")) throw error;
      // An earlier process told it.
      await this.#count(cluster, name, 2);
    }
  }

  async #count(cluster: KVCluster, name: string, count: number): Promise<void> {
    const { connection, clock } = this.#options;
    const key = { namespace: cluster.metadata.namespace, name };
    const series = { count: Math.max(2, count), lastObservedTime: microTime(clock.now()) };
    try {
      await patchObject(connection, { resource: resources.event, key }, { series });
    } catch (error) {
      // The API server has let it go: the next time it is news.
      if (!isKubeError(error, "notFound")) throw error;
      this.#told.delete(name);
    }
  }

  #remember(name: string, told: Told): void {
    this.#told.delete(name);
    this.#told.set(name, told);
    const [oldest] = this.#told.keys();
    if (this.#told.size > REMEMBERED_MAX && oldest !== undefined) this.#told.delete(oldest);
  }
}

function eventName(cluster: KVCluster, event: EventIntent): string {
  const said = JSON.stringify([cluster.metadata.uid, event.type, event.reason, event.note]);
  const digest = createHash("sha256").update(said).digest("hex").slice(0, 16);
  return `${cluster.metadata.name}.${digest}`;
}

const referenceTo = ({ metadata }: KVCluster): Readonly<Record<string, string>> => ({
  apiVersion: `${apiGroup}/${apiVersion}`,
  kind: "KVCluster",
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
});

/** At most so many bytes, cut between characters. */
function shorten(note: string): string {
  let text = note;
  while (Buffer.byteLength(text) > NOTE_BYTES_MAX) {
    const excess = Buffer.byteLength(text) - NOTE_BYTES_MAX;
    text = `${[...text].slice(0, -Math.ceil(excess / 4) - 1).join("")}…`;
  }
  return text;
}
