/**
 * The physical half of a compaction: removes what no read at or after the compact revision can see.
 * Walks the events in order from where it stopped; each event names the version it superseded, so a
 * removal needs no search. Resumable at any row, because the progress is written with the removals.
 * The events themselves go last, all at once: nothing reads an event that old, and one by one they
 * cost a fifth of a compaction. What a crash leaves of them the next compaction takes.
 * The logical half was decided through the log and took effect at once.
 */
import {
  decodeEvent,
  decodeEventKey,
  eventKey,
  type Revision,
  type StoredEvent,
  toRevision,
} from "../../kv/index.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine, EngineRow } from "./engine.ts";
import type { PendingEffects } from "./pending-effects.ts";

const FIRST_EVENT = eventKey({ revision: toRevision(0), sub: 0 });

/** There is something that a compaction has yet to remove. */
export const isCompactionPending = (effects: PendingEffects): boolean =>
  effects.figures.removedRevision < effects.figures.compactRevision;

/**
 * Removes the history of at most `eventsMax` events. What superseded versions there are of the
 * compact revision itself stay until the next compaction: watches may still start there.
 * @returns true when there is more to remove
 */
export const compactStep = (
  engine: Engine,
  effects: PendingEffects,
  eventsMax: number,
): boolean => {
  const { figures } = effects;
  if (!isCompactionPending(effects)) return false;
  const end = eventKey({ revision: figures.compactRevision, sub: 0 });
  const rows = engine.iterate({
    start: effects.nextToRemove ?? eventKey({ revision: figures.removedRevision, sub: 0 }),
    end,
  });
  let removed = 0;
  try {
    for (let batch = rows.next(eventsMax); batch.length > 0; ) {
      for (const row of batch) figures.removedRevision = removeHistory(engine, effects, row);
      effects.nextToRemove = keyAfter(batch.at(-1)?.key ?? end);
      removed += batch.length;
      if (removed >= eventsMax) break;
      batch = rows.next(eventsMax - removed);
    }
  } finally {
    rows.close();
  }
  if (removed < eventsMax) figures.removedRevision = figures.compactRevision;
  effects.write({ sync: false });
  if (isCompactionPending(effects)) return true;
  engine.deleteRange(FIRST_EVENT, end);
  effects.nextToRemove = null;
  return false;
};

/** Removes what an event left behind. @returns its revision */
const removeHistory = (engine: Engine, effects: PendingEffects, row: EngineRow): Revision => {
  const place = { path: engine.path, key: row.key };
  const { revision } = decodeRow(place, row.key, decodeEventKey);
  const event: StoredEvent = decodeRow(place, row.value, decodeEvent);
  const { previousRevision } = event;
  if (previousRevision > 0) effects.removeHistory(event.key, previousRevision);
  // Everything older of this key is gone, so the mark of its deletion says nothing any more.
  if (event.type === "delete") effects.removeHistory(event.key, revision);
  return revision;
};

const keyAfter = (key: Uint8Array): Uint8Array => {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
};
