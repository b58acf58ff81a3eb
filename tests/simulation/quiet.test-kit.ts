/**
 * A cluster that is left alone: its leader keeps its term, before and after a long time in which
 * nothing happens. Only what is at rest may be leapt over, so rest is checked on both sides.
 */
import type { Machine } from "./machine.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

/** Who leads what, as each process sees it: changes only with an election. */
export const describeLeaders = (machines: readonly Machine[]): string =>
  machines
    .map(({ name, life }) => {
      const status = life?.watch.status;
      return status == null ? `${name} down` : `${name} ${status.term} led by ${status.leader}`;
    })
    .join(", ");

/** @throws Violation when there was an election since `before` */
export const checkCalm = (machines: readonly Machine[], before: string, when: string): void => {
  const now = describeLeaders(machines);
  promise(now === before, "a quiet cluster keeps its leader", () => {
    return `${when}: ${before}, then ${now}`;
  });
};
