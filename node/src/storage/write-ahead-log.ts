/**
 * Brings RocksDB's write-ahead log to the disk while nobody waits for it. State batches are not
 * synced, so before the Raft log is trimmed tens of megabytes would have to be written at once,
 * with every client waiting. The binding has no call for it, but the log is a file, and a sync of
 * a file is of all that was written to it, through whichever descriptor.
 */
import { close, fdatasync, open, readdir } from "node:fs";
import { join } from "node:path";
import { ioError } from "./errors.ts";

type Done = (error: unknown) => void;

/** RocksDB names its logs by a number that grows, with six digits at least. */
const numberOf = (name: string): number => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? -1);

/**
 * Syncs the newest log in the folder of a database that is open in this process.
 * @param done called once, later, with a StorageError when a system call failed: as after any
 * failed sync nothing may be retried
 */
export const writeBackNewestLog = (folder: string, done: Done): void => {
  readdir(folder, (cause, names) => {
    if (cause !== null) {
      done(ioError(`list ${folder}`, cause));
      return;
    }
    const newest = names.reduce((a, b) => (numberOf(b) > numberOf(a) ? b : a), "");
    if (numberOf(newest) < 0) done(undefined);
    else writeBack(join(folder, newest), done);
  });
};

const writeBack = (path: string, done: Done): void => {
  open(path, "r", (cause, descriptor) => {
    if (cause !== null) {
      // Its rows have gone to a table file meanwhile, and RocksDB has removed it.
      done(cause.code === "ENOENT" ? undefined : ioError(`open ${path}`, cause));
      return;
    }
    fdatasync(descriptor, (failure) => {
      close(descriptor, (refusal) => {
        const first = failure ?? refusal ?? null;
        done(first === null ? undefined : ioError(`fdatasync ${path}`, first));
      });
    });
  });
};
