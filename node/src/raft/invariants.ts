/**
 * The safety properties of Figure 3, checked from outside after each step of tests and simulation.
 * It only looks: nothing here is called by the core itself.
 */
import { assertInvariant } from "./assertion.ts";
import type { TermRun } from "./term-runs.ts";
import {
  type Entry,
  type LogIndex,
  type NodeId,
  type RaftStatus,
  type Term,
  toLogIndex,
} from "./types.ts";

/** What the checks need to see of a member; `Raft` has it. */
export interface RaftView {
  status(): RaftStatus;
  term(index: LogIndex): Term | null;
  termRuns(): readonly TermRun[];
}

/**
 * One member across one step: nothing that only grows went back, and a vote was not changed.
 * @throws InvariantViolation naming the rule.
 */
export function checkInvariants(before: RaftStatus, after: RaftStatus): void {
  const show = (): string => `before ${JSON.stringify(before)} after ${JSON.stringify(after)}`;
  const hold = (rule: string, condition: boolean): void =>
    assertInvariant(condition, () => `node ${after.id}: ${rule}: ${show()}`);
  hold("terms only grow", after.term >= before.term);
  hold("the commit index only grows", after.commitIndex >= before.commitIndex);
  hold("the compacted prefix only grows", after.firstIndex >= before.firstIndex);
  hold("commit within the log", after.commitIndex <= after.lastIndex);
  hold("persisted within the log", after.persistedIndex <= after.lastIndex);
  hold("only what is committed is compacted", after.firstIndex <= after.commitIndex + 1);
  hold("a leader knows that it leads", after.role !== "leader" || after.leader === after.id);
  if (after.term !== before.term) return;
  hold("one vote per term", before.votedFor === null || after.votedFor === before.votedFor);
  hold(
    "one leader per term",
    before.leader === null || after.leader === null || after.leader === before.leader,
  );
  hold(
    "a leader never cuts its own log (Leader Append-Only)",
    before.role !== "leader" || after.role !== "leader" || after.lastIndex >= before.lastIndex,
  );
}

/** The whole cluster over its whole life. Feed it every member after each of its steps. */
export class ClusterInvariants {
  readonly #leaders = new Map<Term, NodeId>();
  /** By index: the term of the committed entry, and the term in which its commit was first seen. */
  readonly #committed = new Map<LogIndex, { readonly term: Term; readonly seenIn: Term }>();
  readonly #committedData = new Map<LogIndex, string>();
  readonly #members = new Map<NodeId, RaftView>();
  readonly #before = new Map<NodeId, RaftStatus>();

  /** @throws InvariantViolation naming the property of Figure 3 that does not hold. */
  observe(view: RaftView): void {
    const status = view.status();
    const before = this.#before.get(status.id);
    if (before !== undefined) checkInvariants(before, status);
    this.#before.set(status.id, status);
    this.#members.set(status.id, view);
    this.#checkCommitted(view, status, before?.commitIndex ?? 0);
    if (status.role === "leader" && isElectionDurable(view, status))
      this.#checkLeader(view, status);
    for (const [id, other] of this.#members) {
      if (id !== status.id) checkLogMatching(view, other);
    }
  }

  /** The member crashed: what it forgot by that is not held against it. */
  forget(id: NodeId): void {
    this.#before.delete(id);
    this.#members.delete(id);
  }

  /** State Machine Safety: whoever applies an index applies the same entry. */
  applied(id: NodeId, entry: Entry): void {
    const shown = `${entry.term} ${entry.type} ${entry.data.join(",")}`;
    const known = this.#committedData.get(entry.index) ?? shown;
    this.#committedData.set(entry.index, known);
    assertInvariant(
      known === shown,
      () => `State Machine Safety: node ${id} applied ${shown} at ${entry.index}, others ${known}`,
    );
  }

  #checkCommitted(view: RaftView, status: RaftStatus, from: number): void {
    const first = Math.max(from + 1, status.firstIndex);
    for (let index = first; index <= status.commitIndex; index += 1) {
      const at = toLogIndex(index);
      const term = view.term(at);
      if (term === null) continue;
      const known = this.#committed.get(at)?.term ?? term;
      if (!this.#committed.has(at)) this.#committed.set(at, { term, seenIn: status.term });
      assertInvariant(
        known === term,
        () =>
          `State Machine Safety: node ${status.id} commits term ${term} at ${at}, others ${known}`,
      );
    }
  }

  #checkLeader(view: RaftView, status: RaftStatus): void {
    const known = this.#leaders.get(status.term);
    assertInvariant(
      known === undefined || known === status.id,
      () => `Election Safety: nodes ${known} and ${status.id} both lead term ${status.term}`,
    );
    if (known !== undefined) return;
    this.#leaders.set(status.term, status.id);
    for (const [index, { term, seenIn }] of this.#committed) {
      if (seenIn >= status.term || index < status.firstIndex) continue;
      const held = view.term(index);
      assertInvariant(
        held === term,
        () =>
          `Leader Completeness: node ${status.id} leads term ${status.term} with term ${held} at ` +
          `${index}, where term ${term} is committed`,
      );
    }
  }
}

/**
 * Whether a crash can no longer undo the election. Votes of others prove that the own one is
 * durable; a sole voter leads before that, and says nothing until its noop, written together with
 * its vote, is durable.
 */
function isElectionDurable(view: RaftView, status: RaftStatus): boolean {
  const voters = status.configuration.members.filter((member) => member.role === "voter");
  const isSoleVoter = voters.length === 1 && voters[0]?.id === status.id;
  return !isSoleVoter || view.term(status.persistedIndex) === status.term;
}

/** Two logs that have an entry with the same index and term are the same up to there (§5.3). */
export function checkLogMatching(a: RaftView, b: RaftView): void {
  const [one, two] = [a.status(), b.status()];
  const lower = Math.max(one.firstIndex, two.firstIndex);
  const last = lastAgreement(a.termRuns(), b.termRuns(), Math.min(one.lastIndex, two.lastIndex));
  if (last < lower) return;
  const [left, right] = [clip(a.termRuns(), lower, last), clip(b.termRuns(), lower, last)];
  assertInvariant(
    left === right,
    () => `Log Matching: up to ${last} node ${one.id} has ${left}, node ${two.id} has ${right}`,
  );
}

/** The highest index at or below `upper` where both logs have the same term; 0 for none. */
function lastAgreement(a: readonly TermRun[], b: readonly TermRun[], upper: number): number {
  let at = upper;
  for (;;) {
    const left = a.findLast((run) => run.index <= at);
    const right = b.findLast((run) => run.index <= at);
    if (left === undefined || right === undefined) return 0;
    if (left.term === right.term) return at;
    // Terms never fall along a log, so below the start of the later run is the next candidate.
    at = (left.term > right.term ? left.index : right.index) - 1;
  }
}

/** The runs within [lower, upper], written out. */
function clip(runs: readonly TermRun[], lower: number, upper: number): string {
  const inside = runs.filter(
    (run, at) => run.index <= upper && (runs[at + 1]?.index ?? Number.POSITIVE_INFINITY) > lower,
  );
  return inside.map((run) => `${Math.max(run.index, lower)}:term ${run.term}`).join(" ");
}
