/**
 * Files that hold secrets: read only when nobody else can read them, created so that nobody else
 * ever could. Follows symbolic links, as Kubernetes mounts Secrets through them, and judges and
 * reads the same opened file, so that a swap in between cannot mix two.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { CryptoError } from "./crypto-error.ts";

const FILE_BYTES_MAX = 256 * 1024;
const GROUP_AND_OTHERS = 0o077;
/** A Secret mounted for a group (fsGroup) belongs to root and is readable by that group. */
const ROOT_FILE_FORBIDDEN = 0o037;

/** Compares equal exactly while the file behind a path is the same and unchanged. */
export type FileVersion = string;

/** @throws CryptoError KEY_RING_UNREADABLE, KEY_RING_PERMISSIONS */
export function readPrivateFile(path: string): { text: string; version: FileVersion } {
  return attempt(path, "read", () => {
    // Without O_NONBLOCK a named pipe in the file's place would stop the node, also a running one.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw unreadable(path, "it is not a regular file");
      if (stats.size > FILE_BYTES_MAX) {
        throw unreadable(path, `it has ${stats.size} bytes, at most ${FILE_BYTES_MAX}`);
      }
      refuseShared(path, stats);
      return { text: readFileSync(file, "utf8"), version: versionOf(stats) };
    } finally {
      closeSync(file);
    }
  });
}

/** @throws CryptoError KEY_RING_UNREADABLE */
export function privateFileVersion(path: string): FileVersion {
  return attempt(path, "look at", () => versionOf(statSync(path)));
}

/** Durable when it returns. @throws Error with the system's code when the file exists. */
export function createPrivateFile(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectory(dirname(path));
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

const versionOf = (stats: Stats): FileVersion =>
  [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(":");

const unreadable = (path: string, why: string, cause?: unknown): CryptoError =>
  new CryptoError("KEY_RING_UNREADABLE", `key ring ${path}: ${why}`, { cause });

/**
 * The rule of PostgreSQL and OpenSSH: a file of ours only for us; a file of root at most for a
 * group.
 */
function refuseShared(path: string, stats: Stats): void {
  const self = process.geteuid?.() ?? stats.uid;
  const forbidden = stats.uid === self ? GROUP_AND_OTHERS : ROOT_FILE_FORBIDDEN;
  const isTrustedOwner = stats.uid === self || stats.uid === 0;
  if (isTrustedOwner && (stats.mode & forbidden) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const wanted = stats.uid === self ? "0600" : "0640, owned by root";
  throw new CryptoError(
    "KEY_RING_PERMISSIONS",
    `key ring ${path}: mode ${mode}, owner ${stats.uid}: others could read or change the keys. ` +
      `Make it ${wanted}, or owned by user ${self} with 0600 (chmod 600 ${path})`,
  );
}

function attempt<T>(path: string, verb: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CryptoError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw unreadable(path, `cannot ${verb} it: ${why}`, error);
  }
}
