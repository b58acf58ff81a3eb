/** One run of a command: the client, made when it is needed, and how results are shown. */
import { Command } from "commander";
import { KVStoreClient } from "../client.ts";
import { textOf, toBase64 } from "../entries.ts";
import { clientOptions, type GlobalFlags } from "./settings.ts";
import { type CliStreams, readAll, write } from "./streams.ts";

export class Session {
  readonly streams: CliStreams;
  readonly flags: GlobalFlags;

  constructor(streams: CliStreams, flags: GlobalFlags) {
    this.streams = streams;
    this.flags = flags;
  }

  get isJson(): boolean {
    return this.flags.json === true;
  }

  /** Opens a client for a task and closes it whatever happens. */
  async withClient<T>(task: (client: KVStoreClient) => Promise<T>): Promise<T> {
    const client = new KVStoreClient(clientOptions(this.flags, this.streams.env));
    try {
      return await task(client);
    } finally {
      await client.close();
    }
  }

  /** `-` stands for standard input. */
  async valueOf(argument: string): Promise<Uint8Array> {
    return argument === "-" ? await readAll(this.streams.stdin) : Buffer.from(argument);
  }

  async printLine(text: string): Promise<void> {
    await write(this.streams.stdout, `${text}\n`);
  }

  /** One document for programs or one text for people. */
  async print(document: unknown, text: string): Promise<void> {
    await this.printLine(this.isJson ? JSON.stringify(document) : text);
  }

  async printTable(rows: readonly (readonly string[])[]): Promise<void> {
    for (const line of alignColumns(rows)) await this.printLine(line);
  }

  /** Exactly these bytes; on a terminal the prompt then begins on its own line. */
  async printBytes(bytes: Uint8Array): Promise<void> {
    await write(this.streams.stdout, bytes);
    if (this.streams.stdout.isTTY === true) await write(this.streams.stdout, "\n");
  }
}

/** What a command does: its session, the words after its name, and its own flags. */
export type Task<Flags> = (
  session: Session,
  words: readonly string[],
  flags: Flags,
) => Promise<void>;

/** The parser's form of a task. */
export function actionOf<Flags extends object>(
  streams: CliStreams,
  task: Task<Flags>,
): (...parsed: readonly unknown[]) => Promise<void> {
  return (...parsed) => {
    const command = parsed.at(-1);
    if (!(command instanceof Command)) throw new Error("commander gives the command last");
    const session = new Session(streams, command.optsWithGlobals<GlobalFlags>());
    return task(session, command.args, command.opts<Flags>());
  };
}

/** Columns as wide as their widest cell, two spaces apart. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

const CONTROL = /[\p{Cc}\p{Cf}]/u;

/** Bytes on one line: text as it is, text with control characters quoted, other bytes in base64. */
export function show(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text === null) return `base64:${toBase64(bytes)}`;
  return CONTROL.test(text) ? JSON.stringify(text) : text;
}

/** Bytes in a JSON document: `{name: text}` when they are UTF-8, else `{nameBase64: …}`. */
export function jsonBytes(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  return text === null ? { [`${name}Base64`]: toBase64(bytes) } : { [name]: text };
}
