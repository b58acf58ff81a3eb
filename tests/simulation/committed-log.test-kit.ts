/**
 * The one log that the cluster agreed on, as the checker pieces it together from what every node
 * wrote and committed: an entry once committed anywhere is committed for ever, with the same bytes
 * (state machine safety, Figure 3 of the paper). Runs the model over it.
 */
import { isDeepStrictEqual } from "node:util";
import { crc32 } from "node:zlib";
import type { CommandResult } from "../../node/src/kv/index.ts";
import type { Configuration, Entry, RaftStatus } from "../../node/src/raft/index.ts";
import type { StateSummary } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import { Model } from "./model.test-kit.ts";
import type { System } from "./system.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

interface KnownEntry {
  readonly entry: Entry;
  readonly digest: number;
  /** Term of the entry before it; null where no node showed it. */
  previousTerm: number | null;
}

interface Milestone {
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
  /** The nodes' rolling hash, from the first node that applied up to here. */
  hash: number | null;
  readonly result: CommandResult | null;
  /** `origin/sequence` of the command. */
  readonly proposal: string;
}

const TERMS_MAX = 2 ** 20;

export class CommittedLog {
  readonly model: Model = new Model();
  readonly #kv: System["kv"];
  readonly #raft: System["raft"];
  readonly #coverage: Coverage;
  readonly #known = new Map<number, KnownEntry>();
  #configuration: Configuration = { members: [] };
  readonly #configurations = new Map<number, Configuration>();
  /** Terms by index; index 0 is before the log. */
  readonly #terms: number[] = [0];
  readonly #milestones: Milestone[] = [
    { revision: 0, compactRevision: 0, keys: 0, hash: null, result: null, proposal: "" },
  ];
  readonly #proposals = new Map<string, number>();

  constructor({ kv, raft }: Pick<System, "kv" | "raft">, coverage: Coverage) {
    this.#kv = kv;
    this.#raft = raft;
    this.#coverage = coverage;
  }

  /** The members by the last committed change. */
  get configuration(): Configuration {
    return this.#configuration;
  }
  /** The highest index that any node has committed. */
  get lastIndex(): number {
    return this.#terms.length - 1;
  }

  termAt(index: number): number | undefined {
    return this.#terms[index];
  }

  /** A node wrote or sent `entry` after an entry of `previousTerm` (log matching, §5.3). */
  written(entry: Entry, previousTerm: number | null): void {
    const key = entry.index * TERMS_MAX + entry.term;
    const known = this.#known.get(key);
    if (known?.entry === entry && known.previousTerm === previousTerm) return;
    const digest = crc32(entry.data, entry.type.length);
    if (known === undefined) {
      this.#known.set(key, { entry, digest, previousTerm });
      return;
    }
    const where = (): string => `entry ${entry.index} of term ${entry.term}`;
    promise(known.digest === digest, "log matching", () => `${where()} has two contents`);
    if (previousTerm === null) return;
    promise(
      known.previousTerm === null || known.previousTerm === previousTerm,
      "log matching",
      () => `${where()} follows terms ${known.previousTerm} and ${previousTerm}`,
    );
    known.previousTerm = previousTerm;
  }

  /** A node holds the entry (`index`, `term`) as committed. */
  committed(index: number, term: number, who: string): void {
    const agreed = this.#terms[index];
    if (agreed !== undefined) {
      promise(agreed === term, "state machine safety", () => {
        return `${who} commits ${index} with term ${term}, committed before with term ${agreed}`;
      });
      return;
    }
    promise(index === this.lastIndex + 1, "state machine safety", () => {
      return `${who} commits ${index} after ${this.lastIndex}`;
    });
    const known = this.#known.get(index * TERMS_MAX + term);
    promise(known !== undefined, "state machine safety", () => {
      return `${who} commits ${index} of term ${term}, which no node wrote`;
    });
    this.#terms.push(term);
    this.#apply(known.entry);
  }

  /** A node acts by these members: where they are committed, they are what the log says. */
  follows(status: RaftStatus, who: string): void {
    const { configuration, configurationIndex, commitIndex } = status;
    if (configurationIndex === 0 || configurationIndex > commitIndex) return;
    const agreed = this.#configurations.get(configurationIndex);
    promise(isDeepStrictEqual(configuration, agreed), "members by the log", () => {
      const members = [configuration, agreed].map((one) => JSON.stringify(one?.members));
      return `${who} has ${members[0]} of ${configurationIndex}, committed is ${members[1]}`;
    });
  }

  /** A node's figures after it applied up to `summary.appliedIndex`. */
  applied(summary: StateSummary, who: string): void {
    const { appliedIndex: index } = summary;
    const milestone = this.#milestones[index];
    promise(milestone !== undefined, "apply only what is committed", () => {
      return `${who} applied ${index}, committed is ${this.lastIndex}`;
    });
    const { revision, compactRevision, keys } = milestone;
    promise(summary.appliedTerm === this.#terms[index], "applied term", () => {
      return `${who} says term ${summary.appliedTerm} at ${index}, not ${this.#terms[index]}`;
    });
    promise(summary.revision === revision, "one revision per command", () => {
      return `${who} is at revision ${summary.revision} after ${index}, not ${revision}`;
    });
    promise(summary.compactRevision === compactRevision, "compaction by the log", () => {
      const found = `${summary.compactRevision} at ${index}`;
      return `${who} is compacted to ${found}, not ${compactRevision}`;
    });
    promise(summary.keys === keys, "same state", () => {
      return `${who} counts ${summary.keys} keys after ${index}, not ${keys}`;
    });
    milestone.hash ??= summary.hash;
    promise(summary.hash === milestone.hash, "same state", () => {
      return `${who} has hash ${summary.hash} after ${index}, another node ${milestone.hash}`;
    });
  }

  /** A node told its own client the result of a command. */
  settled(origin: number, sequence: number, result: CommandResult): void {
    const proposal = `${origin}/${sequence}`;
    const index = this.#proposals.get(proposal);
    promise(index !== undefined, "answer only what is committed", () => proposal);
    const expected = this.#milestones[index]?.result;
    promise(isDeepStrictEqual(result, expected), "same answer everywhere", () => {
      return `${proposal} at ${index}: ${JSON.stringify(result)}, not ${JSON.stringify(expected)}`;
    });
  }

  #apply(entry: Entry): void {
    let result: CommandResult | null = null;
    let proposal = "";
    if (entry.type === "command") {
      const { header, command } = this.#kv.decodeCommand(entry.data);
      proposal = `${header.origin}/${header.sequence}`;
      const first = this.#proposals.get(proposal);
      promise(first === undefined, "a proposal takes effect at most once", () => {
        return `${command.type} ${proposal} is committed at ${first} and at ${entry.index}`;
      });
      this.#proposals.set(proposal, entry.index);
      result = this.model.apply(command);
      this.#coverage.count(`committed ${command.type}`);
    } else {
      this.#coverage.count(`committed ${entry.type}`);
      if (entry.type === "configuration") {
        this.#configuration = this.#raft.decodeConfiguration(entry.data);
        this.#configurations.set(entry.index, this.#configuration);
      }
    }
    const { revision, compactRevision, keys } = this.model;
    this.#milestones.push({ revision, compactRevision, keys, hash: null, result, proposal });
  }
}
