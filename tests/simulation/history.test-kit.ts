/**
 * What clients were told, held against the committed log. The revision orders everything, so
 * linearizability is: an answer's revision is above those of all answers given before its question
 * was asked, and the answer is what the history says at a revision between then and now.
 */
import { isDeepStrictEqual } from "node:util";
import type { Command, CommandResult, KvRecord } from "../../node/src/kv/index.ts";
import type { GetResult, ScanRequest, ScanResult } from "../../node/src/replica/index.ts";
import type { CommittedLog } from "./committed-log.test-kit.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import { keyText, type Model, sameRecord } from "./model.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

/** A question as it was asked. */
export interface Asked {
  /** The highest revision in any answer so far. */
  readonly floor: number;
}

type CommandWithValue = Extract<Command, { type: "put" | "batch" }>;

export class History {
  readonly #log: CommittedLog;
  readonly #coverage: Coverage;
  readonly #claimed = new Set<number>();
  readonly #refused: CommandWithValue[] = [];
  #floor = 0;

  constructor(log: CommittedLog, coverage: Coverage) {
    this.#log = log;
    this.#coverage = coverage;
  }

  /** The highest revision that any client was told of. */
  get floor(): number {
    return this.#floor;
  }

  ask(): Asked {
    return { floor: this.#floor };
  }

  /** A command was answered with a result. */
  wrote(asked: Asked, command: Command, result: CommandResult): void {
    const { revision } = result;
    const what = (): string => `${JSON.stringify(result)} for ${describe(command)}`;
    promise(revision >= asked.floor, "answers follow real time", () => {
      return `${what()} after revision ${asked.floor} was answered`;
    });
    promise(revision <= this.#model.revision, "answer only what is committed", what);
    if (isEffective(result)) {
      promise(revision > asked.floor, "answers follow real time", () => {
        return `${what()} after revision ${asked.floor} was answered`;
      });
      promise(this.#model.commandAt(revision) !== undefined, "acknowledged writes stay", what);
      promise(
        sameCommand(this.#model.commandAt(revision), command),
        "acknowledged writes stay",
        () => {
          const maker = describe(this.#model.commandAt(revision));
          return `${what()}, but that revision was made by ${maker}`;
        },
      );
      promise(!this.#claimed.has(revision), "one revision per command", what);
      this.#claimed.add(revision);
    }
    this.#coverage.count(`answered ${command.type}${result.type === "failed" ? " refused" : ""}`);
    this.#raise(revision);
  }

  /** A command was refused as never proposed: it must never take effect. */
  refused(command: Command): void {
    if (command.type === "put" || command.type === "batch") this.#refused.push(command);
  }

  /** A linearizable read of the current record of a key. */
  read(asked: Asked, key: Uint8Array, record: KvRecord | undefined): void {
    const versions = this.#model.versions(keyText(key));
    const what = (): string =>
      `${keyText(key)} = ${record?.modRevision ?? "absent"} since ${asked.floor}, ` +
      `history ${versions.map((version) => version.revision).join(" ")}`;
    promise(this.#wasSo(versions, record, asked.floor), "linearizable reads", what);
    this.#coverage.count("answered read");
    if (record !== undefined) this.#raise(record.modRevision);
  }

  /** A read without a barrier: old, perhaps, but never invented. */
  readStale(key: Uint8Array, record: KvRecord | undefined): void {
    const versions = this.#model.versions(keyText(key));
    promise(this.#wasSo(versions, record, 0), "stale reads are of the past", () => {
      return `${keyText(key)} = ${record?.modRevision ?? "absent"}`;
    });
    this.#coverage.count("answered stale read");
  }

  /** A linearizable read at a revision. */
  readAt(
    asked: Asked,
    { key, revision }: { key: Uint8Array; revision: number },
    got: GetResult,
  ): void {
    const text = keyText(key);
    const what = (): string => `${text} at ${revision}: ${JSON.stringify(got)}`;
    switch (got.type) {
      case "found":
        promise(sameRecord(got.record, this.#model.at(text, revision)), "reads of the past", what);
        break;
      case "absent":
        promise(this.#model.at(text, revision) === undefined, "reads of the past", what);
        break;
      case "failed":
        this.#failedAt(asked, revision, got);
        break;
    }
    this.#coverage.count(`answered read at a revision${got.type === "failed" ? " refused" : ""}`);
  }

  /** A linearizable scan. */
  scanned(asked: Asked, request: ScanRequest, result: ScanResult): void {
    const at = request.revision;
    if (result.type === "failed") {
      this.#failedAt(asked, at ?? 0, result);
      this.#coverage.count("answered scan refused");
      return;
    }
    const what = (): string => `scan ${keyText(request.start)}.. at ${at}, told ${result.revision}`;
    if (at === null) promise(result.revision >= asked.floor, "linearizable reads", what);
    else promise(result.revision >= at, "reads of the past", what);
    promise(result.revision <= this.#model.revision, "linearizable reads", what);
    const bounds = { start: keyText(request.start), end: keyText(request.end) };
    const expected = this.#model.range(bounds, at ?? result.revision);
    const isSame = result.rows.every(({ key, record }, place) => {
      const [expectedKey, expectedRecord] = expected[place] ?? [];
      const same = sameRecord(record, expectedRecord, !request.keysOnly);
      return expectedKey === keyText(key) && same;
    });
    promise(result.rows.length > 0 || expected.length === 0, "scans at one revision", what);
    promise(isSame, "scans at one revision", () => {
      const rows = result.rows.map(({ key, record }) => `${keyText(key)}@${record.modRevision}`);
      const wanted = expected.map(([key, record]) => `${key}@${record.modRevision}`);
      return `${what()}: ${rows.join(" ")}, expected ${wanted.join(" ")}`;
    });
    promise(result.more === result.rows.length < expected.length, "scans at one revision", () => {
      return `${what()}: ${result.rows.length} rows of ${expected.length}, more ${result.more}`;
    });
    this.#coverage.count("answered scan");
    if (at === null) this.#raise(result.revision);
  }

  /** At the end: nothing that was refused took effect. */
  finish(): void {
    const committed = new Set<string>();
    for (let revision = 1; revision <= this.#model.revision; revision += 1) {
      for (const value of valuesOf(this.#model.commandAt(revision))) committed.add(value);
    }
    for (const command of this.#refused) {
      for (const value of valuesOf(command)) {
        promise(!committed.has(value), "what was refused has no effect", () => describe(command));
      }
    }
  }

  get #model(): Model {
    return this.#log.model;
  }

  #failedAt(
    asked: Asked,
    revision: number,
    failed: Extract<GetResult, { type: "failed" }> | Extract<ScanResult, { type: "failed" }>,
  ): void {
    const what = (): string =>
      `${failed.code} at ${revision}, compacted ${this.#model.compactRevision}`;
    if (failed.code === "REVISION_COMPACTED") {
      promise(revision < this.#model.compactRevision, "reads of the past", what);
    } else {
      promise(revision > asked.floor, "linearizable reads", what);
    }
  }

  /** Whether `record` was the key's at some revision from `floor` on. */
  #wasSo(
    versions: readonly { revision: number; record: KvRecord | null }[],
    record: KvRecord | undefined,
    floor: number,
  ): boolean {
    const first = versions[0];
    if (record === undefined && (first === undefined || first.revision > floor)) return true;
    for (let place = versions.length - 1; place >= 0; place -= 1) {
      const version = versions[place];
      if (version !== undefined && sameRecord(version.record ?? undefined, record)) return true;
      // Older versions ended before the floor.
      if (version !== undefined && version.revision <= floor) return false;
    }
    return false;
  }

  #raise(revision: number): void {
    this.#floor = Math.max(this.#floor, revision);
  }
}

const isEffective = (result: CommandResult): boolean => {
  switch (result.type) {
    case "put":
      return true;
    case "deleted":
      return result.count > 0;
    case "batch":
      return result.puts + result.deletes > 0;
    default:
      return false;
  }
};

const valuesOf = (command: Command | undefined): string[] => {
  if (command?.type === "put") return [keyText(command.value)];
  if (command?.type !== "batch") return [];
  return command.operations.flatMap((operation) =>
    operation.type === "put" ? [keyText(operation.value)] : [],
  );
};

const describe = (command: Command | undefined): string =>
  JSON.stringify(command ?? null, (_, value: unknown) =>
    value instanceof Uint8Array ? keyText(value) : value,
  );

const sameCommand = (a: Command | undefined, b: Command): boolean =>
  isDeepStrictEqual(plain(a), plain(b));

const plain = (command: Command | undefined): unknown => JSON.parse(describe(command));
