/**
 * Keeps a value that is made from files up to date by polling. Polling content, not inotify on
 * paths, survives what Kubernetes does to a mounted volume (a symlink to a new folder is swapped)
 * and works on every file system. A bad new content never replaces a good old one.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { AuthLog } from "./failure-log.ts";

/** What a source has now: a digest that changes with its content, and how to make the value. */
export interface SourceReading<T> {
  readonly digest: string;
  /** Not called while the digest stays the same. @throws on bad content */
  readonly make: () => T;
}

export interface WatchedSource<T> {
  /** For log and metrics: "keys", "policies". */
  readonly name: string;
  /** @throws when the files cannot be read, or others could change them. */
  readonly read: () => Promise<SourceReading<T>>;
  /** In use until there is good content. Left out: the first load throws on bad content. */
  readonly absent?: T;
}

export interface WatchOptions {
  /** Between two looks at the files. */
  readonly intervalMs: number;
  /**
   * New content is taken once it reads the same after so long: a file that is being written in
   * place may be cut off in the middle of a prefix, and then grant more than it will.
   */
  readonly settleMs: number;
  readonly log: AuthLog;
}

export interface WatchCounters {
  readonly reloads: number;
  readonly failures: number;
  /** The files now hold something that was refused; the value in use is an older one. */
  readonly stale: boolean;
}

export interface WatchedFiles<T> {
  current(): T;
  /** Watches from now on and calls `onChange` after each change, until `close`. */
  start(onChange: () => void): void;
  /** Looks at the files now and resolves when done. Never rejects: a failure is logged, counted. */
  poll(): Promise<void>;
  counters(): WatchCounters;
  close(): void;
}

interface WatchState<T> {
  value: T;
  digest: string;
  reloads: number;
  failures: number;
  /** The failure that was logged last, so that a lasting one is not logged at each poll. */
  fault: string | null;
}

/** The next content, or null: it is the one in use, or is still being written. */
async function readSettled<T>(
  source: WatchedSource<T>,
  digestInUse: string,
  settleMs: number,
): Promise<SourceReading<T> | null> {
  const before = await source.read();
  if (before.digest === digestInUse) return null;
  await wait(settleMs);
  const after = await source.read();
  return after.digest === before.digest ? after : null;
}

async function lookOnce<T>(
  source: WatchedSource<T>,
  state: WatchState<T>,
  options: WatchOptions,
): Promise<boolean> {
  try {
    const next = await readSettled(source, state.digest, options.settleMs);
    if (next !== null) {
      state.value = next.make();
      state.digest = next.digest;
      state.reloads += 1;
      options.log.info({ source: source.name }, "auth files reloaded");
    }
    if (next === null && state.fault !== null) {
      options.log.info({ source: source.name }, "auth files are again those in use");
    }
    state.fault = null;
    return next !== null;
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    state.failures += 1;
    if (fault !== state.fault) {
      options.log.error(
        { source: source.name, error: fault },
        "changed auth files are refused; those loaded before stay in use",
      );
    }
    state.fault = fault;
    return false;
  }
}

async function loadFirst<T>(source: WatchedSource<T>, log: AuthLog): Promise<WatchState<T>> {
  const good = { reloads: 0, failures: 0, fault: null };
  try {
    const first = await source.read();
    return { value: first.make(), digest: first.digest, ...good };
  } catch (error) {
    if (source.absent === undefined) throw error;
    const fault = error instanceof Error ? error.message : String(error);
    log.error({ source: source.name, error: fault }, "auth files are refused: goes on without");
    return { value: source.absent, digest: "", reloads: 0, failures: 1, fault };
  }
}

/**
 * Loads the source; nothing is watched before `start`.
 * @throws what the first load throws, unless the source may be absent: a node must not start on
 * bad files
 */
export async function loadWatched<T>(
  source: WatchedSource<T>,
  options: WatchOptions,
): Promise<WatchedFiles<T>> {
  const state = await loadFirst(source, options.log);
  let tellChange = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  let underway: Promise<void> | null = null;

  async function look(): Promise<void> {
    const changed = await lookOnce(source, state, options);
    underway = null;
    if (changed) tellChange();
  }
  // Polls never overlap: one that is asked for meanwhile is the one under way.
  function poll(): Promise<void> {
    underway ??= look();
    return underway;
  }

  return {
    current: () => state.value,
    start: (onChange) => {
      tellChange = onChange;
      timer = setInterval(() => void poll(), options.intervalMs);
      timer.unref();
    },
    poll,
    counters: () => ({
      reloads: state.reloads,
      failures: state.failures,
      stale: state.fault !== null,
    }),
    close: () => clearInterval(timer),
  };
}
