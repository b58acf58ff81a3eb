/**
 * The configuration in force and those it may have to roll back to. A configuration is in force
 * from the moment its entry is appended (thesis §4.1), so when that entry is truncated the one
 * before it is in force again.
 */
import { assertInvariant } from "./assertion.ts";
import type { Configuration, LogIndex, Member, NodeId } from "./types.ts";

interface Generation {
  readonly index: LogIndex;
  readonly configuration: Configuration;
  readonly voters: readonly NodeId[];
}

const generation = (index: LogIndex, configuration: Configuration): Generation => ({
  index,
  configuration,
  voters: configuration.members.filter((member) => member.role === "voter").map(({ id }) => id),
});

export class ConfigurationHistory {
  /** Ascending in index and never empty; the first is applied. */
  #generations: [Generation, ...Generation[]];

  constructor(index: LogIndex, configuration: Configuration) {
    this.#generations = [generation(index, configuration)];
  }

  /** The configuration in force. */
  get current(): Configuration {
    return this.#last.configuration;
  }

  /** Index of the entry that made the configuration in force. */
  get index(): LogIndex {
    return this.#last.index;
  }

  /** The voters of the configuration in force, ascending. */
  get voters(): readonly NodeId[] {
    return this.#last.voters;
  }

  isVoter(id: NodeId): boolean {
    return this.#last.voters.includes(id);
  }

  member(id: NodeId): Member | undefined {
    return this.#last.configuration.members.find((member) => member.id === id);
  }

  /** Whether `id` is a voter in the newest configuration at or before `index`. */
  isVoterAt(id: NodeId, index: LogIndex): boolean {
    return this.#generations.findLast((one) => one.index <= index)?.voters.includes(id) ?? false;
  }

  /** Members whom the configuration in force removed with an entry after `committed`. */
  membersRemovedAfter(committed: LogIndex): readonly NodeId[] {
    const before = this.#generations.findLast((one) => one.index <= committed);
    const former = before?.configuration.members ?? [];
    return former.map(({ id }) => id).filter((id) => this.member(id) === undefined);
  }

  /** Whether an entry in (`after`, `upTo`] changed the configuration. */
  hasChangeIn(after: LogIndex, upTo: LogIndex): boolean {
    return this.#generations.some(({ index }) => index > after && index <= upTo);
  }

  append(index: LogIndex, configuration: Configuration): void {
    assertInvariant(
      index > this.index,
      () => `configuration at ${index} appended after the one at ${this.index}`,
    );
    this.#generations.push(generation(index, configuration));
  }

  /** Rolls back every change whose entry is at or after `index`. */
  truncateFrom(index: LogIndex): void {
    const [first, ...rest] = this.#generations;
    this.#generations = [first, ...rest.filter((one) => one.index < index)];
  }

  /** Nothing at or before `index` can be truncated any more. */
  forgetBefore(index: LogIndex): void {
    const at = this.#generations.findLastIndex((one) => one.index <= index);
    const [first, ...rest] = this.#generations.slice(at);
    if (at > 0 && first !== undefined) this.#generations = [first, ...rest];
  }

  /** A snapshot replaced the log. */
  reset(index: LogIndex, configuration: Configuration): void {
    this.#generations = [generation(index, configuration)];
  }

  /** A snapshot took the place of everything up to `through`; later changes stay. */
  rebase(through: LogIndex, index: LogIndex, configuration: Configuration): void {
    const later = this.#generations.filter((one) => one.index > through);
    this.#generations = [generation(index, configuration), ...later];
  }

  get #last(): Generation {
    return this.#generations.at(-1) ?? this.#generations[0];
  }
}
