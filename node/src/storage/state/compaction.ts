/**
 * The physical half of a compaction: removes what no read at or after the compact revision can see.
 * The logical half was decided through the log and took effect at once. Everything goes by range
 * tombstones, whose cost does not depend on how much there is; what a crash leaves half done is
 * done again.
 */
import { eventKey, TAG_HISTORY, tagRange, toRevision } from "../../kv/index.ts";
import type { Engine } from "./engine.ts";
import { erasBefore } from "./history-eras.ts";
import type { PendingEffects } from "./pending-effects.ts";

const FIRST_EVENT = eventKey({ revision: toRevision(0), sub: 0 });
const HISTORY = tagRange(TAG_HISTORY);

/** There is something that a compaction has yet to remove. */
export const isCompactionPending = (effects: PendingEffects): boolean =>
  effects.figures.removedRevision < effects.figures.compactRevision;

/**
 * Removes the events before the compact revision, and the eras of the history in which everything
 * was superseded by then; when that is the latest revision, all of the history. Call it with
 * nothing pending.
 */
export const removeCompacted = (engine: Engine, effects: PendingEffects): void => {
  const { figures } = effects;
  const { compactRevision } = figures;
  if (figures.revision === compactRevision) {
    engine.deleteRange(HISTORY.start, HISTORY.end);
    effects.forgetHistory();
  } else {
    const start = erasBefore(engine, compactRevision);
    if (start !== null) engine.deleteRange(start, HISTORY.end);
  }
  engine.deleteRange(FIRST_EVENT, eventKey({ revision: compactRevision, sub: 0 }));
  figures.removedRevision = compactRevision;
  effects.write({ sync: false });
};
