/** The log files of the nodes: where they go, how long they grow, and what their end says. */
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";

/** A longer log is put aside (log.1) when its node starts. */
const LOG_BYTES_MAX = 33_554_432;
const TAIL_BYTES = 65_536;

/** Opens a log for appending. @returns a file descriptor for the child */
export function openLog(path: string): number {
  if (existsSync(path) && statSync(path).size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}

/** The last lines, made readable. Empty when there is no log. */
export function readLogTail(path: string, lines: number): string[] {
  if (!existsSync(path)) return [];
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, TAIL_BYTES);
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, size - length);
    const text = bytes.toString("utf8").trimEnd();
    return text === "" ? [] : text.split("\n").slice(-lines).map(readable);
  } finally {
    closeSync(file);
  }
}

const levels: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** A line of pino as `level message: error`; any other line as it is. */
function readable(line: string): string {
  let fields: { level?: unknown; msg?: unknown; err?: { message?: unknown } | null };
  try {
    fields = Object(JSON.parse(line));
  } catch {
    // Not JSON: what Node itself prints when it dies.
    return line;
  }
  if (typeof fields.msg !== "string") return line;
  const level = typeof fields.level === "number" ? levels[fields.level] : fields.level;
  const error = fields.err?.message;
  const cause = typeof error === "string" && !fields.msg.includes(error) ? `: ${error}` : "";
  return `${typeof level === "string" ? level : "info"} ${fields.msg}${cause}`;
}
