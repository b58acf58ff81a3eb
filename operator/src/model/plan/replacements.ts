/**
 * When members were replaced, read off the difference between the members that the status has and
 * those that the leader tells: an attempt that failed does not count, and none is forgotten in a
 * crash, for the reconciler writes the status before it removes a member. A voter that a person
 * removed counts, too.
 */

import { ordinalOf } from "../names.ts";
import { formatTime, parseTime } from "../time.ts";
import { conditionOf } from "./condition.ts";
import { type Facts, isWanted } from "./facts.ts";
import { REPLACEMENTS_WINDOW_MS } from "./limits.ts";

/** RFC 3339, oldest first, those of the last 24 h. */
export function replacementsOf(facts: Facts): readonly string[] {
  const { cluster, now } = facts;
  const recent = (cluster.status?.replacements ?? []).filter((text) => {
    const at = parseTime(text);
    return at !== null && now - at < REPLACEMENTS_WINDOW_MS;
  });
  return [...recent, ...newlyReplaced(facts).map(() => formatTime(now))];
}

function newlyReplaced(facts: Facts): readonly number[] {
  const { cluster, leaderView, members } = facts;
  if (leaderView === null) return [];
  // Told before the removal; the spec may have been scaled down since.
  const isReplacing = conditionOf(cluster.status, "Progressing")?.reason === "Replacing";
  return (cluster.status?.members ?? [])
    .filter(({ name, role }) => {
      const ordinal = ordinalOf(cluster.metadata.name, name);
      return role !== "learner" && ordinal !== null && (isReplacing || isWanted(facts, ordinal));
    })
    .map(({ nodeId }) => nodeId)
    .filter((id) => members.every(({ nodeId }) => nodeId !== id));
}
