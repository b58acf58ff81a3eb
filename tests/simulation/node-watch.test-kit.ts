/**
 * Watches one member over all its lives: what it writes, sends, commits and applies, against the
 * rules of Figures 2 and 3 of the Raft paper. Nothing here asks the core what it believes of
 * others.
 */
import type { Entry, LogWrite, Message, NodeId, RaftStatus } from "../../node/src/raft/index.ts";
import type { Applied, Recovered, StateSummary } from "../../node/src/replica/index.ts";
import type { CommittedLog } from "./committed-log.test-kit.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import { LogMirror } from "./log-mirror.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

/** What all members share. */
export interface ClusterFacts {
  readonly log: CommittedLog;
  readonly coverage: Coverage;
  readonly leaders: Map<number, NodeId>;
  /** By id, also of members that are gone for ever. */
  readonly watches: Map<NodeId, NodeWatch>;
}

export class NodeWatch {
  readonly id: NodeId;
  readonly #facts: ClusterFacts;
  readonly #mirror = new LogMirror();
  /** Who got this member's vote, by term. */
  readonly #votes = new Map<number, NodeId>();
  #life = 0;
  #origin = 0;
  #status: RaftStatus | null = null;
  #appliedIndex = 0;

  constructor(id: NodeId, facts: ClusterFacts) {
    this.id = id;
    this.#facts = facts;
  }

  get status(): RaftStatus | null {
    return this.#status;
  }
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  holdsDurably(index: number, term: number): boolean {
    return this.#mirror.holdsDurably(index, term);
  }

  restarted(recovered: Recovered, origin: number): void {
    this.#life += 1;
    this.#origin = origin;
    // The entry that a bootstrap wrote was never seen on its way to the disk.
    for (const entry of recovered.restore.configurationEntries)
      this.#facts.log.written(entry, null);
    this.#showed(this.#mirror.restarted(recovered, this.#who()), null);
    this.#status = null;
    this.#appliedIndex = recovered.summary.appliedIndex;
    this.#facts.log.applied(recovered.summary, this.#who());
  }

  writing(write: LogWrite): void {
    const [first] = write.entries;
    const replaced = this.#mirror.write(write, this.#who());
    if (replaced === 0) return;
    this.#facts.coverage.count("log truncations");
    const configurationIndex = this.#status?.configurationIndex ?? 0;
    if (first !== undefined && configurationIndex >= first.index) {
      this.#facts.coverage.count("membership changes rolled back");
    }
  }

  wrote(): void {
    const { entries, previousTerm } = this.#mirror.wrote();
    this.#showed(entries, previousTerm);
  }

  compacted(index: number): void {
    this.#mirror.compacted(index);
  }

  installed(metadata: { readonly index: number; readonly term: number }): void {
    this.#facts.coverage.count("snapshots installed");
    this.#mirror.installed(metadata.index, metadata.term);
  }

  applied({ summary, settled }: Applied): void {
    this.#summarised(summary);
    for (const { sequence, result } of settled) {
      this.#facts.log.settled(this.#origin, sequence, result);
    }
  }

  installedState(summary: StateSummary): void {
    this.#summarised(summary);
  }

  /** A message leaves: it may promise only what is durable. */
  sending(message: Message): void {
    switch (message.type) {
      case "requestVote":
        this.#voted(message.term, this.id);
        return;
      case "appendEntries":
        this.#showed(message.entries, message.prevLogTerm);
        return;
      case "requestVoteResponse":
        if (message.voteGranted) this.#voted(message.term, message.to);
        else this.#facts.coverage.count("votes refused");
        return;
      case "requestPreVoteResponse":
        if (!message.voteGranted) this.#facts.coverage.count("pre-votes refused");
        return;
      case "appendEntriesResponse":
        if (message.success) this.#acknowledges(message.term, message.matchIndex);
        else this.#facts.coverage.count("appends refused");
        return;
      default:
        return;
    }
  }

  /** Entries that others may know of now: durable, or sent. Before that they may be forgotten. */
  #showed(entries: readonly Entry[], previousTerm: number | null): void {
    let before = previousTerm;
    for (const entry of entries) {
      this.#facts.log.written(entry, before);
      before = entry.term;
    }
  }

  /** The core after something happened to it. */
  stepped(status: RaftStatus): void {
    const before = this.#status;
    this.#status = status;
    if (before !== null) this.#checkForward(before, status);
    if (before === null || status.commitIndex > before.commitIndex) {
      this.#commits(before, status);
    }
    const isSettled = (before?.commitIndex ?? 0) >= status.configurationIndex;
    if (!isSettled || status.configuration !== before?.configuration) {
      this.#facts.log.follows(status, this.#who());
    }
    const led = before?.role === "leader" && before.term === status.term;
    if (status.role === "leader" && !led) this.#elected(status);
    if (before !== null && before.term !== status.term) this.#facts.coverage.count("term changes");
  }

  #summarised(summary: StateSummary): void {
    promise(summary.appliedIndex >= this.#appliedIndex, "apply in order", () => {
      return `${this.#who()} applied ${summary.appliedIndex} after ${this.#appliedIndex}`;
    });
    this.#appliedIndex = summary.appliedIndex;
    this.#facts.log.applied(summary, this.#who());
  }

  #checkForward(before: RaftStatus, status: RaftStatus): void {
    promise(status.term >= before.term, "terms only grow", () => {
      return `${this.#who()} went from term ${before.term} to ${status.term}`;
    });
    promise(status.commitIndex >= before.commitIndex, "commit index only grows", () => {
      return `${this.#who()} went from ${before.commitIndex} to ${status.commitIndex}`;
    });
  }

  #commits(before: RaftStatus | null, status: RaftStatus): void {
    const from = Math.max(before?.commitIndex ?? 0, this.#mirror.baseIndex);
    const { log } = this.#facts;
    const isNew = status.commitIndex > log.lastIndex;
    if (isNew && status.role === "leader") this.#commitsFirst(status);
    for (let index = from + 1; index <= status.commitIndex; index += 1) {
      const term = this.#mirror.termAt(index);
      promise(term !== null, "commit only what is held", () => {
        return `${this.#who()} commits ${index}, its log ends at ${this.#mirror.lastIndex}`;
      });
      log.committed(index, term, this.#who());
    }
  }

  /** §5.4.2 and Figure 2: a majority of the voters holds it, and it is of the leader's term. */
  #commitsFirst(status: RaftStatus): void {
    const { commitIndex, term, configuration } = status;
    promise(
      this.#mirror.termAt(commitIndex) === term,
      "commit by counting only one's own term",
      () => {
        const entryTerm = this.#mirror.termAt(commitIndex);
        return `${this.#who()} of term ${term} commits ${commitIndex} of term ${entryTerm}`;
      },
    );
    const voters = configuration.members.filter(({ role }) => role === "voter");
    const holders = voters.filter(({ id }) => {
      return this.#facts.watches.get(id)?.holdsDurably(commitIndex, term) === true;
    });
    promise(holders.length * 2 > voters.length, "commit what a majority holds durably", () => {
      const share = `${holders.length} of ${voters.length}`;
      return `${this.#who()} commits ${commitIndex}, durable on ${share}`;
    });
  }

  #elected(status: RaftStatus): void {
    const { term } = status;
    this.#facts.coverage.count("elections won");
    const other = this.#facts.leaders.get(term);
    promise(other === undefined || other === this.id, "election safety", () => {
      return `nodes ${other} and ${this.id} both lead term ${term}`;
    });
    this.#facts.leaders.set(term, this.id);
    const { log } = this.#facts;
    let index = log.lastIndex;
    while (index > 0 && (log.termAt(index) ?? 0) >= term) index -= 1;
    const held =
      index <= this.#mirror.baseIndex || this.#mirror.termAt(index) === log.termAt(index);
    promise(held, "leader completeness", () => {
      return `${this.#who()} leads term ${term} without ${index} of term ${log.termAt(index)}`;
    });
  }

  #voted(term: number, candidate: NodeId): void {
    const known = this.#votes.get(term);
    promise(known === undefined || known === candidate, "one vote per term", () => {
      return `${this.#who()} voted for ${known} and for ${candidate} in term ${term}`;
    });
    this.#votes.set(term, candidate);
    const durable = this.#mirror.durableHardState;
    const isOver = durable !== null && durable.currentTerm > term;
    const isDurable = durable?.currentTerm === term && durable.votedFor === candidate;
    promise(isOver || isDurable, "vote only after the write", () => {
      const found = JSON.stringify(durable);
      return `${this.#who()} votes for ${candidate} in ${term}, durable is ${found}`;
    });
  }

  #acknowledges(term: number, matchIndex: number): void {
    // It waited for its write while a later leader replaced the entry: true when it was accepted,
    // and harmless, because whoever accepted it does not vote for a log without it (§5.4.1).
    if (term < this.#mirror.writtenTerm) return;
    const held = this.#mirror.termAt(matchIndex);
    const isHeld =
      matchIndex <= this.#mirror.baseIndex ||
      (held !== null && this.#mirror.holdsDurably(matchIndex, held));
    promise(isHeld, "acknowledge only what is durable", () => {
      return `${this.#who()} acknowledges ${matchIndex}, its log ends at ${this.#mirror.lastIndex}`;
    });
    const durable = this.#mirror.durableHardState?.currentTerm ?? 0;
    promise(durable >= term, "acknowledge only in a durable term", () => {
      return `${this.#who()} acknowledges in ${term}, durable is ${durable}`;
    });
  }

  #who(): string {
    return `node ${this.id} in life ${this.#life}`;
  }
}
