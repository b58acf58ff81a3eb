/**
 * Where states live: one engine per `state-<n>`. Callbacks instead of promises, so that the
 * simulator's twin answers within the call and a simulated store needs no event loop.
 */
import type { Engine } from "./state/index.ts";

export interface StateFolders {
  /** Opens a state for writing, made when missing. Errors go to the owner's fatal handler. */
  open(name: string, done: (engine: Engine) => void): void;
  /** Closes an engine; `done` when its files may be removed. */
  close(engine: Engine, done: () => void): void;
  /** Removes a state that is not open; nothing when it is absent. */
  remove(name: string): void;
  /** Names of the states that are there. */
  list(): readonly string[];
}
