/**
 * The disk and the state machine of one member in a test: what is written but not yet durable is
 * lost by `crash`. Writes are carried out in the order in which they were issued.
 */
import type {
  Entry,
  HardState,
  LogWrite,
  Message,
  RaftRestore,
  SnapshotMetadata,
} from "./index.ts";
import { decodeConfiguration, toLogIndex, toNodeId, toTerm } from "./index.ts";

/** A write on its way, and what may be said once it is durable. */
export interface IssuedWrite {
  readonly write: LogWrite | null;
  readonly messages: readonly Message[];
}

/** A snapshot with its bytes: the commands applied up to its index. */
export interface TestSnapshot {
  readonly metadata: SnapshotMetadata;
  readonly commands: readonly string[];
}

const decoder = new TextDecoder();

export class TestDisk {
  hardState: HardState;
  compacted: { readonly index: number; readonly term: number };
  /** Durable entries after `compacted`, contiguous. */
  entries: Entry[] = [];
  /** Writes that were issued and are not durable. */
  issued: IssuedWrite[] = [];
  /** What the state machine has applied; durable with its entries. */
  applied: TestSnapshot;

  constructor(restore: RaftRestore, entries: readonly Entry[]) {
    this.hardState = restore.hardState;
    this.compacted = { index: restore.compactedIndex, term: restore.compactedTerm };
    this.entries = [...entries];
    const { configuration, configurationIndex, appliedIndex } = restore;
    const term = this.#termAt(appliedIndex);
    this.applied = {
      metadata: { index: appliedIndex, term: toTerm(term), configuration, configurationIndex },
      commands: [],
    };
  }

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.compacted.index;
  }

  /** Makes the oldest issued write durable. */
  complete(): IssuedWrite | undefined {
    const issued = this.issued.shift();
    if (issued?.write?.hardState) this.hardState = issued.write.hardState;
    const first = issued?.write?.entries[0];
    if (issued?.write && first !== undefined) {
      this.entries = this.entries.filter((entry) => entry.index < first.index);
      this.entries.push(...issued.write.entries.filter((e) => e.index > this.compacted.index));
    }
    return issued;
  }

  /** Loses every write that is not durable. */
  crash(): void {
    this.issued = [];
  }

  /** Applies one entry, which must be the next and durable. */
  apply(index: number): Entry {
    const entry = this.entries.find((one) => one.index === index);
    const { metadata, commands } = this.applied;
    if (entry === undefined || index !== metadata.index + 1) {
      throw new Error(`apply ${index} after ${metadata.index}, log up to ${this.lastIndex}`);
    }
    const change =
      entry.type === "configuration"
        ? { configuration: decodeConfiguration(entry.data), configurationIndex: entry.index }
        : {};
    this.applied = {
      metadata: { ...metadata, ...change, index: entry.index, term: entry.term },
      commands: entry.type === "command" ? [...commands, decoder.decode(entry.data)] : commands,
    };
    return entry;
  }

  install(snapshot: TestSnapshot): void {
    const { index, term } = snapshot.metadata;
    const holds = this.#termAt(index) === term;
    this.entries = holds ? this.entries.filter((entry) => entry.index > index) : [];
    this.compacted = { index, term };
    this.applied = snapshot;
  }

  /** Drops the log up to `index`. */
  compact(index: number): void {
    this.compacted = { index, term: this.#termAt(index) };
    this.entries = this.entries.filter((entry) => entry.index > index);
  }

  /** Entries from `from`, issued ones included: reads queue behind writes. */
  read(from: number, to: number, bytesMax: number): readonly Entry[] {
    const image = new Map(this.entries.map((entry) => [entry.index as number, entry]));
    for (const { write } of this.issued) {
      for (const entry of write?.entries ?? []) image.set(entry.index, entry);
    }
    const found: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= to; index += 1) {
      const entry = image.get(index);
      if (entry === undefined) break;
      bytes += entry.data.length;
      if (bytes > bytesMax && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  /** What a restart finds. */
  restore(id: number): RaftRestore {
    const { configuration, configurationIndex, index } = this.applied.metadata;
    const terms = this.entries.map((entry) => entry.term as number);
    return {
      id: toNodeId(id),
      hardState: this.hardState,
      compactedIndex: toLogIndex(this.compacted.index),
      compactedTerm: toTerm(this.compacted.term),
      termRuns: this.entries.filter((entry, at) => at === 0 || terms[at - 1] !== entry.term),
      lastIndex: toLogIndex(this.lastIndex),
      appliedIndex: index,
      configuration,
      configurationIndex,
      configurationEntries: this.entries.filter(
        (entry) => entry.type === "configuration" && entry.index > index,
      ),
    };
  }

  #termAt(index: number): number {
    if (index === this.compacted.index) return this.compacted.term;
    return this.entries.find((entry) => entry.index === index)?.term ?? 0;
  }
}
