/**
 * The file system as the storage layer sees it, and its real adapter over node:fs. Synchronous: it
 * is called in a worker thread (or once at start), where waiting is the point; only the sync of the
 * log may go on beside other work. Nothing here retries:
 * after a failed fdatasync the page cache may have dropped the very pages that failed, and a second
 * call would report success ("fsyncgate"), so the caller has to crash and recover from the disk.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writevSync,
} from "node:fs";
import { ioError } from "./errors.ts";

/** An open file, readable and writable. */
export interface OpenFile {
  readonly path: string;
  size(): number;
  /** Fills `into` from `offset`. @returns bytes read; fewer than asked only at the file's end */
  read(into: Uint8Array, offset: number): number;
  /** Writes the chunks one after the other from `offset`; not durable before `sync`. */
  write(chunks: readonly Uint8Array[], offset: number): void;
  truncate(size: number): void;
  /** fdatasync: the bytes and the size are durable when it returns. */
  sync(): void;
  /** As `sync` without waiting: `done` is called once, with the error if there was one. */
  syncLater(done: (error: unknown) => void): void;
  close(): void;
}

/** @throws StorageError IO or DISK_FULL from every method */
export interface Files {
  /** A new file (0600). Its name is durable only after `syncFolder` of its folder. */
  create(path: string): OpenFile;
  open(path: string): OpenFile;
  exists(path: string): boolean;
  /** Names in a folder, sorted. */
  list(folder: string): readonly string[];
  /** Makes a folder (0700) whose parent exists; nothing when it is there. */
  makeFolder(folder: string): void;
  /** Replaces `to` atomically. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Removes a folder and all in it; nothing when it is absent. */
  removeTree(folder: string): void;
  /** fsync of a folder: the names in it are durable when it returns. */
  syncFolder(folder: string): void;
}

const attempt = <T>(attempted: string, call: () => T): T => {
  try {
    return call();
  } catch (cause) {
    throw ioError(attempted, cause);
  }
};

class RealFile implements OpenFile {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  size(): number {
    return attempt(`stat ${this.path}`, () => fstatSync(this.#descriptor).size);
  }

  read(into: Uint8Array, offset: number): number {
    return attempt(`read ${into.length} bytes at ${offset} of ${this.path}`, () => {
      let done = 0;
      while (done < into.length) {
        const count = readSync(this.#descriptor, into, done, into.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(chunks: readonly Uint8Array[], offset: number): void {
    attempt(`write at ${offset} of ${this.path}`, () => {
      let rest = chunks.filter((chunk) => chunk.length > 0);
      let at = offset;
      while (rest.length > 0) {
        const count = writevSync(this.#descriptor, rest, at);
        at += count;
        rest = dropBytes(rest, count);
      }
    });
  }

  truncate(size: number): void {
    attempt(`truncate ${this.path} to ${size} bytes`, () => ftruncateSync(this.#descriptor, size));
  }

  sync(): void {
    attempt(`fdatasync ${this.path}`, () => fdatasyncSync(this.#descriptor));
  }

  syncLater(done: (error: unknown) => void): void {
    fdatasync(this.#descriptor, (cause) => {
      done(cause === null ? undefined : ioError(`fdatasync ${this.path}`, cause));
    });
  }

  close(): void {
    attempt(`close ${this.path}`, () => closeSync(this.#descriptor));
  }
}

/** What is left of the chunks after the first `count` bytes: writev may write less than asked. */
const dropBytes = (chunks: readonly Uint8Array[], count: number): Uint8Array[] => {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
    } else {
      rest.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return rest;
};

/** The operating system's files. */
export const realFiles: Files = {
  create: (path) =>
    new RealFile(
      path,
      attempt(`create ${path}`, () => openSync(path, "wx+", 0o600)),
    ),
  open: (path) =>
    new RealFile(
      path,
      attempt(`open ${path}`, () => openSync(path, "r+")),
    ),
  exists: (path) => existsSync(path),
  list: (folder) => attempt(`list ${folder}`, () => readdirSync(folder).sort()),
  makeFolder: (folder) =>
    attempt(`make folder ${folder}`, () => {
      if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    }),
  rename: (from, to) => attempt(`rename ${from} to ${to}`, () => renameSync(from, to)),
  unlink: (path) => attempt(`remove ${path}`, () => unlinkSync(path)),
  removeTree: (folder) =>
    attempt(`remove folder ${folder}`, () => rmSync(folder, { recursive: true, force: true })),
  syncFolder: (folder) =>
    attempt(`fsync folder ${folder}`, () => {
      const descriptor = openSync(folder, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }),
};

/** Reads a small file whole. */
export const readWhole = (files: Files, path: string): Uint8Array => {
  const file = files.open(path);
  try {
    const bytes = new Uint8Array(file.size());
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
};

/**
 * Writes a file so that a crash at any point leaves the old content or the new: written beside it,
 * synced, renamed over it, folder synced.
 */
export const writeAtomically = (files: Files, path: string, bytes: Uint8Array): void => {
  const temporary = `${path}.tmp`;
  if (files.exists(temporary)) files.unlink(temporary);
  const file = files.create(temporary);
  try {
    file.write([bytes], 0);
    file.sync();
  } finally {
    file.close();
  }
  files.rename(temporary, path);
  files.syncFolder(folderOf(path));
};

/** The folder part of a path with at least one slash. */
export const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")));
