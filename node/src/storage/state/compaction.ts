/**
 * The physical half of a compaction: removes what no read at or after the compact revision can see.
 * The logical half was decided through the log and took effect at once. Everything goes by range
 * tombstones, whose cost does not depend on how much there is; what a crash leaves half done is
 * done again.
 */
import { eventKey } from "../../kv/index.ts";
import type { Engine } from "./engine.ts";
import { deadEras } from "./history-eras.ts";
import type { PendingEffects } from "./pending-effects.ts";

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
  const { compactRevision, removedRevision } = figures;
  const eras = deadEras(engine, figures);
  if (eras !== null) engine.deleteRange(eras.start, eras.end);
  if (figures.revision === compactRevision) effects.forgetHistory();
  engine.deleteRange(
    eventKey({ revision: removedRevision, sub: 0 }),
    eventKey({ revision: compactRevision, sub: 0 }),
  );
  // Last, for a crash: what these figures say is removed is.
  figures.removedRevision = compactRevision;
  effects.write({ sync: false });
};
