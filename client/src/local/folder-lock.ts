/**
 * Keeps a second local cluster off the same data folder. SQLite's exclusive lock on an empty file
 * is the lock: the kernel gives it up however the process ends, so nothing stale is ever left.
 */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LaunchError, messageOf } from "./launch-error.ts";

export const LOCK_FILE = "LOCK";
/** Who holds the lock, in words: only for the message of the one that does not get it. */
export const LOCK_OWNER_FILE = "LOCK.owner";
const SQLITE_BUSY = 5;

export interface FolderLock {
  release(): void;
}

/** @throws LaunchError when another process holds the lock, naming it */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, LOCK_FILE);
  let database: DatabaseSync;
  try {
    closeSync(openSync(path, "a", 0o600));
    database = new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw new LaunchError(`${path} cannot be opened: ${messageOf(cause)}`, { cause });
  }
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw lockError(folder, cause);
  }
  const since = new Date().toISOString();
  const owner = `process ${process.pid}, since ${since}`;
  writeFileSync(join(folder, LOCK_OWNER_FILE), `${owner}\n`, { mode: 0o600 });
  return { release: () => database.close() };
}

function lockError(folder: string, cause: unknown): LaunchError {
  const isBusy = cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY;
  if (!isBusy) {
    return new LaunchError(`${folder} cannot be locked: ${messageOf(cause)}`, { cause });
  }
  const ownerFile = join(folder, LOCK_OWNER_FILE);
  const owner = existsSync(ownerFile) ? readFileSync(ownerFile, "utf8").trim() : "another process";
  return new LaunchError(
    `a local cluster already runs on ${folder} (${owner}).\n` +
      "Stop it, or start this one with another folder and ports (KV_DATA, HTTP_PORT_BASE, …).",
    { cause },
  );
}
