/**
 * Keeps a second process off a data folder. SQLite's exclusive lock on an empty file serves as the
 * lock: it is a POSIX lock of the kernel, so it is atomic, works between containers that share a
 * volume, and ends with the process however it ends: after kill -9 there is nothing to clean up.
 * It is part of Node; a lock of our own would need native code or leave stale files.
 */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { ioError, StorageError } from "./errors.ts";

export const LOCK_FILE = "LOCK";
/** Who holds the lock, in words; only for the message of the one that does not get it. */
export const LOCK_OWNER_FILE = "LOCK.owner";
const SQLITE_BUSY = 5;

export interface FolderLock {
  release(): void;
}

/** Held locks: a database that is collected would give its lock up. */
const held = new Set<DatabaseSync>();

/** @throws StorageError LOCKED when another process (or this one) holds it, IO, DISK_FULL */
export const lockFolder = (folder: string): FolderLock => {
  const path = `${folder}/${LOCK_FILE}`;
  const database = openLockFile(path);
  try {
    // No journal file: nothing is ever written.
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (isBusy(cause)) throw lockedError(folder, cause);
    throw ioError(`lock ${path}`, cause);
  }
  held.add(database);
  const owner = `process ${process.pid} on ${hostname()} since ${new Date().toISOString()}`;
  writeFileSync(`${folder}/${LOCK_OWNER_FILE}`, `${owner}\n`, { mode: 0o600 });
  return {
    release: () => {
      if (held.delete(database)) database.close();
    },
  };
};

const openLockFile = (path: string): DatabaseSync => {
  try {
    // SQLite would make it readable by others. Never opened here while it may be locked: closing
    // any descriptor of a file gives up every POSIX lock that the process has on it.
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw ioError(`open ${path}`, cause);
  }
};

const isBusy = (cause: unknown): boolean =>
  cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY;

const lockedError = (folder: string, cause: unknown): StorageError => {
  const path = `${folder}/${LOCK_OWNER_FILE}`;
  const owner = existsSync(path) ? readFileSync(path, "utf8").trim() : "another process";
  const message = `the data folder ${folder} is in use by ${owner}; two nodes cannot share it`;
  return new StorageError("LOCKED", message, { cause });
};
