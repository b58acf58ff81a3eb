/**
 * Keeps an ObjectStore equal to what the API server has of one kind: lists, watches, begins again,
 * for as long as its signal lives and whatever happens. One sequential loop, so that nothing of an
 * earlier watch can arrive after a later list. Our own, because the library's informer dies of the
 * first error that is not 410.
 */
import { Deadline, type KubeClock, pause } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { at, type LiveObject, textOf } from "./decode-json.ts";
import { errorOfWatchEvent, isKubeError, KubeError } from "./kube-error.ts";
import type { ObjectStore } from "./object-store.ts";
import { decodeItem, type ListScope, listObjects, selectorOf } from "./page-list.ts";
import { pathOf } from "./resources.ts";
import { type WatchEvent, watchEvents } from "./watch-events.ts";

/** Why everything was listed: at the start, the version was gone, or as a net. */
export type RelistReason = "start" | "gone" | "periodic";

/** What a reflector tells of itself, for metrics and logs. */
export interface ReflectorHooks {
  readonly onListed?: (kind: string, reason: RelistReason, objects: number) => void;
  readonly onWatch?: (kind: string, isOpen: boolean) => void;
  readonly onEvent?: (kind: string) => void;
  /** A list or watch failed; it is tried again after `retryMs`. */
  readonly onFailure?: (kind: string, error: KubeError, retryMs: number) => void;
}

export interface ReflectorOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly scope: ListScope;
  readonly store: ObjectStore;
  readonly hooks?: ReflectorHooks;
}

const BACKOFF_BASE_MS = 800;
const BACKOFF_MAX_MS = 30_000;
const WATCH_SECONDS_MIN = 240;
const WATCH_SECONDS_MAX = 300;
const RELIST_MS = 600_000;
/** Bookmarks come each minute; after two and a half without a sign the connection is dead. */
const INACTIVITY_MS = 150_000;
/** A server that closes faster than this without a word is not well. */
const WATCH_MS_MIN = 1000;

export class Reflector {
  readonly scope: ListScope;
  readonly #options: ReflectorOptions;
  readonly #kind: string;
  /** null: list first. */
  #version: string | null = null;
  #reason: RelistReason = "start";
  #listedAt = 0;
  #hasSynced = false;
  #lastContact: number | null = null;
  #lastEvent: number | null = null;
  #failures = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.scope = options.scope;
    this.#kind = options.scope.resource.kind;
  }

  /** The store was complete once; since then it is at worst late. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** ms on the monotonic clock of the API server's last sign of life here; null: never yet. */
  get lastContact(): number | null {
    return this.#lastContact;
  }

  /** As `lastContact`, of the last change of an object. */
  get lastEvent(): number | null {
    return this.#lastEvent;
  }

  /** Ends only when `signal` aborts. Anything thrown is a defect, and must crash the process. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof KubeError)) throw error;
        await this.#recover(error, signal);
      }
    }
  }

  async #listAndWatch(signal: AbortSignal): Promise<void> {
    const version = this.#version ?? (await this.#list(signal));
    const leftMs = this.#listedAt + RELIST_MS - this.#options.clock.monotonic();
    if (leftMs >= 1000) return this.#watch(version, leftMs, signal);
    this.#version = null;
    this.#reason = "periodic";
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { connection, scope, store, hooks } = this.#options;
    const onPage = (): void => this.#noteContact();
    const list = await listObjects(connection, scope, { signal, retriesMax: 0, onPage });
    store.replace(list.objects);
    this.#version = list.resourceVersion;
    this.#listedAt = this.#options.clock.monotonic();
    this.#hasSynced = true;
    hooks?.onListed?.(this.#kind, this.#reason, list.objects.length);
    return list.resourceVersion;
  }

  async #watch(version: string, leftMs: number, signal: AbortSignal): Promise<void> {
    const { connection, clock, scope, hooks } = this.#options;
    const startedAt = clock.monotonic();
    const life = new Deadline(clock, INACTIVITY_MS, signal);
    let count = 0;
    try {
      const chunks = await connection.stream({
        method: "GET",
        path: pathOf(scope.resource, scope),
        query: this.#watchQuery(version, leftMs),
        signal: life.signal,
      });
      this.#noteContact();
      hooks?.onWatch?.(this.#kind, true);
      try {
        for await (const event of watchEvents(chunks)) {
          life.extend(INACTIVITY_MS);
          this.#take(event);
          count++;
        }
      } finally {
        hooks?.onWatch?.(this.#kind, false);
      }
    } catch (error) {
      throw life.isExpired ? this.#silent() : error;
    } finally {
      life.release();
    }
    if (count === 0 && clock.monotonic() - startedAt < WATCH_MS_MIN) {
      throw new KubeError("unavailable", `the watch of ${this.#kind} was closed at once`);
    }
    this.#failures = 0;
  }

  #watchQuery(version: string, leftMs: number): Readonly<Record<string, string>> {
    const span = WATCH_SECONDS_MAX - WATCH_SECONDS_MIN;
    const seconds = WATCH_SECONDS_MIN + Math.floor(this.#options.random() * span);
    return {
      ...selectorOf(this.#options.scope),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: version,
      // The server ends the watch in time for the periodic list.
      timeoutSeconds: `${Math.max(1, Math.min(seconds, Math.floor(leftMs / 1000)))}`,
    };
  }

  #take(event: WatchEvent): void {
    const { scope, store, hooks } = this.#options;
    if (event.type === "ERROR") throw errorOfWatchEvent(this.#kind, event.object);
    this.#noteContact();
    this.#failures = 0;
    if (event.type === "BOOKMARK") {
      this.#version = textOf(at(event.object, "metadata", "resourceVersion")) ?? this.#version;
      return;
    }
    const object: LiveObject = decodeItem(scope, event.object);
    this.#version = object.metadata.resourceVersion;
    this.#lastEvent = this.#options.clock.monotonic();
    hooks?.onEvent?.(this.#kind);
    if (event.type === "DELETED") store.remove(object);
    else store.put(object);
  }

  async #recover(error: KubeError, signal: AbortSignal): Promise<void> {
    if (isKubeError(error, "gone") || this.#isUnusable(error)) {
      this.#version = null;
      this.#reason = this.#hasSynced ? "gone" : "start";
    }
    // The first 410 is everyday life; one after another is not.
    const isRoutine = isKubeError(error, "gone") && this.#failures === 0;
    const askedMs = Math.min(BACKOFF_MAX_MS, error.retryAfterMs ?? 0);
    const retryMs = isRoutine ? 0 : Math.max(askedMs, this.#backoff());
    this.#failures++;
    this.#options.hooks?.onFailure?.(this.#kind, error, retryMs);
    if (retryMs > 0) await pause(this.#options.clock, retryMs, signal);
  }

  /** What cannot be decoded, or a version that is refused, will not get better by watching on. */
  #isUnusable(error: KubeError): boolean {
    return isKubeError(error, "malformed", "invalid");
  }

  /** 0.8 s, doubled up to 30 s, with up to half of it more or less. */
  #backoff(): number {
    const plain = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(this.#failures, 10));
    return Math.min(BACKOFF_MAX_MS, plain * (0.5 + this.#options.random()));
  }

  #noteContact(): void {
    this.#lastContact = this.#options.clock.monotonic();
  }

  #silent(): KubeError {
    const what = `the watch of ${this.#kind} was silent for ${INACTIVITY_MS} ms`;
    return new KubeError("timeout", what);
  }
}
