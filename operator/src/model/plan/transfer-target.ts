/** Who may be handed leadership. */
import { type Facts, isOutdated, isWanted } from "./facts.ts";
import type { MemberFact } from "./member-facts.ts";

/** A caught-up voter that stays; null: there is none. Up-to-date pods first, then low ordinals. */
export function transferTarget(facts: Facts): MemberFact | null {
  const able = facts.members.filter(
    ({ isVoter, isLeader, isCaughtUp, ordinal }) =>
      isVoter && !isLeader && isCaughtUp && ordinal !== null && isWanted(facts, ordinal),
  );
  return able.find((member) => !isOld(facts, member)) ?? able[0] ?? null;
}

const isOld = (facts: Facts, { place }: MemberFact): boolean =>
  place !== null && isOutdated(facts, place);
