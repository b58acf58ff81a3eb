/** `kv put get delete list cas batch compact`: everything about keys. */
import type { Command } from "commander";
import type { Entry } from "../entries.ts";
import type { BatchItem, KeyRange, ListOptions, ReadOptions, SetOptions } from "../requests.ts";
import { ConditionFailedError, NotFoundError, UsageError } from "./exit-codes.ts";
import { actionOf, jsonBytes, type Session, show } from "./session.ts";
import { parseCount } from "./settings.ts";
import { type CliStreams, readAll } from "./streams.ts";

interface ConditionFlags {
  readonly ifRevision?: string;
  readonly ifAbsent?: boolean;
  readonly ifExists?: boolean;
}

interface ReadFlags {
  readonly revision?: string;
  readonly stale?: boolean;
}

interface RangeFlags {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
}

interface ListFlags extends ReadFlags, RangeFlags {
  readonly limit?: string;
  readonly keysOnly?: boolean;
}

function conditionOf(flags: ConditionFlags): SetOptions {
  const { ifRevision, ifAbsent, ifExists } = flags;
  return {
    ...(ifRevision === undefined ? {} : { ifRevision: parseCount(ifRevision, "--if-revision") }),
    ...(ifAbsent === undefined ? {} : { ifAbsent }),
    ...(ifExists === undefined ? {} : { ifExists }),
  };
}

function readOptionsOf(flags: ReadFlags): ReadOptions {
  const { revision, stale } = flags;
  return {
    ...(revision === undefined ? {} : { revision: parseCount(revision, "--revision") }),
    ...(stale === true ? { consistency: "stale" as const } : {}),
  };
}

function rangeOf({ prefix, start, end }: RangeFlags): KeyRange {
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
}

async function put(
  session: Session,
  [key = "", value = ""]: readonly string[],
  flags: ConditionFlags,
): Promise<void> {
  const bytes = await session.valueOf(value);
  const answer = await session.withClient((client) => client.set(key, bytes, conditionOf(flags)));
  const text = `${answer.created ? "created" : "updated"} at revision ${answer.revision}`;
  await session.print(answer, text);
}

async function get(
  session: Session,
  [key = ""]: readonly string[],
  flags: ReadFlags,
): Promise<void> {
  const entry = await session.withClient((client) => client.get(key, readOptionsOf(flags)));
  if (entry === null) throw new NotFoundError(`no such key: ${key}`);
  if (session.isJson) await session.printLine(JSON.stringify(toDocument(entry, false)));
  else await session.printBytes(entry.value);
}

function toDocument(entry: Entry, keysOnly: boolean): Record<string, unknown> {
  return {
    ...jsonBytes("key", entry.key),
    ...(keysOnly ? {} : jsonBytes("value", entry.value)),
    modRevision: entry.modRevision,
    createRevision: entry.createRevision,
    version: entry.version,
  };
}

async function deleteKeys(
  session: Session,
  [key]: readonly string[],
  flags: ConditionFlags & RangeFlags,
): Promise<void> {
  const range = rangeOf(flags);
  const isRange = Object.keys(range).length > 0;
  if (isRange === (key !== undefined)) {
    throw new UsageError("give either a key, or --prefix, or --start and --end");
  }
  const { ifRevision } = conditionOf(flags);
  if (isRange && ifRevision !== undefined) {
    throw new UsageError("--if-revision is for a single key");
  }
  const answer = await session.withClient((client) =>
    key === undefined
      ? client.deleteRange(range)
      : client.delete(key, ifRevision === undefined ? {} : { ifRevision }),
  );
  await session.print(answer, `deleted ${answer.deleted} at revision ${answer.revision}`);
  if (answer.deleted === 0) throw new NotFoundError("there was nothing to delete");
}

async function list(session: Session, _words: readonly string[], flags: ListFlags): Promise<void> {
  const keysOnly = flags.keysOnly === true;
  const options: ListOptions = {
    ...rangeOf(flags),
    ...readOptionsOf(flags),
    keysOnly,
    ...(flags.limit === undefined ? {} : { limit: parseCount(flags.limit, "--limit") }),
  };
  await session.withClient(async (client) => {
    for await (const entry of client.list(options)) {
      const line = keysOnly ? show(entry.key) : `${show(entry.key)}\t${show(entry.value)}`;
      await session.print(toDocument(entry, keysOnly), line);
    }
  });
}

async function compareAndSet(
  session: Session,
  [key = "", expected = "", value = ""]: readonly string[],
): Promise<void> {
  const revision = expected === "absent" ? null : parseCount(expected, "the expected revision");
  const bytes = await session.valueOf(value);
  const result = await session.withClient((client) =>
    client.compareAndSet(key, revision, { value: bytes }),
  );
  if (result.type === "set") {
    await session.print(result, `set at revision ${result.revision}`);
    return;
  }
  const now = result.revision === 0 ? "absent" : `at revision ${result.revision}`;
  throw new ConditionFailedError(`${key} is ${now}, expected ${expected}; nothing was changed`);
}

/** `put KEY VALUE` and `delete KEY`, one after the other. */
export function parseBatchWords(words: readonly string[]): BatchItem[] {
  const items: BatchItem[] = [];
  for (let i = 0; i < words.length; ) {
    const [verb, key, value] = words.slice(i, i + 3);
    if (verb === "put" && key !== undefined && value !== undefined) {
      items.push({ type: "put", key, value });
      i += 3;
    } else if (verb === "delete" && key !== undefined) {
      items.push({ type: "delete", key });
      i += 2;
    } else {
      throw new UsageError(`want "put KEY VALUE" or "delete KEY" at ${JSON.stringify(verb)}`);
    }
  }
  return items;
}

/**
 * One JSON document a line: `{"type":"put","key":"a","value":"1"}`, `{"type":"delete","key":"b"}`.
 */
export function parseBatchLines(text: string): BatchItem[] {
  return text.split("\n").flatMap((line, i): BatchItem[] => {
    if (line.trim() === "") return [];
    const fields = parseFields(line, i + 1);
    const { type, key, value } = fields;
    if (type === "put" && typeof key === "string" && typeof value === "string") {
      return [{ type, key, value }];
    }
    if (type === "delete" && typeof key === "string") return [{ type, key }];
    throw new UsageError(`line ${i + 1}: want type "put" with key and value, or "delete" with key`);
  });
}

function parseFields(line: string, number: number): { [field: string]: unknown } {
  try {
    const document: unknown = JSON.parse(line);
    return typeof document === "object" && document !== null ? { ...document } : {};
  } catch (cause) {
    throw new UsageError(`line ${number} is not JSON`, { cause });
  }
}

async function batch(session: Session, words: readonly string[]): Promise<void> {
  const isStdin = words.length === 1 && words[0] === "-";
  const items = isStdin
    ? parseBatchLines(Buffer.from(await readAll(session.streams.stdin)).toString("utf8"))
    : parseBatchWords(words);
  if (items.length === 0) throw new UsageError("a batch needs at least one operation");
  const answer = await session.withClient((client) => client.batch(items));
  const text = `${answer.puts} put, ${answer.deletes} deleted at revision ${answer.revision}`;
  await session.print(answer, text);
}

async function compact(session: Session, [revision = ""]: readonly string[]): Promise<void> {
  const wanted = parseCount(revision, "the revision");
  const answer = await session.withClient((client) => client.compact(wanted));
  await session.print(answer, `history before revision ${answer.compactRevision} is forgotten`);
}

function addWrites(program: Command, streams: CliStreams): void {
  program
    .command("put <key> <value>")
    .description('write a value; "-" reads it from standard input')
    .option("--if-revision <n>", "only if the key's revision is n")
    .option("--if-absent", "only if the key does not exist")
    .option("--if-exists", "only if the key exists")
    .action(actionOf(streams, put));
  program
    .command("delete [key]")
    .description("delete a key, or every key of --prefix or --start/--end")
    .option("--prefix <prefix>", "every key that starts with this")
    .option("--start <key>", "first key of a range")
    .option("--end <key>", "end of a range; not deleted itself")
    .option("--if-revision <n>", "only if the key's revision is n")
    .action(actionOf(streams, deleteKeys));
  program
    .command("cas <key> <expected> <value>")
    .description('write only if the revision is as expected; "absent": if there is no such key')
    .action(actionOf(streams, compareAndSet));
  program
    .command("batch <operations...>")
    .description('all or nothing: put KEY VALUE delete KEY …; "-" reads JSON lines')
    .action(actionOf(streams, batch));
  program
    .command("compact <revision>")
    .description("forget the history before a revision")
    .action(actionOf(streams, compact));
}

function addReads(program: Command, streams: CliStreams): void {
  program
    .command("get <key>")
    .description("print a value, byte for byte; --json shows its revisions too")
    .option("--revision <n>", "as of this revision")
    .option("--stale", "what the answering node has, without asking the leader")
    .action(actionOf(streams, get));
  program
    .command("list")
    .description("print keys and values in key order, all of one revision")
    .option("--prefix <prefix>", "keys that start with this")
    .option("--start <key>", "first key of a range")
    .option("--end <key>", "end of a range; not listed itself")
    .option("--limit <n>", "at most n keys")
    .option("--keys-only", "without the values")
    .option("--revision <n>", "as of this revision")
    .option("--stale", "what the answering node has, without asking the leader")
    .action(actionOf(streams, list));
}

export function addKeyCommands(program: Command, streams: CliStreams): void {
  addWrites(program, streams);
  addReads(program, streams);
}
