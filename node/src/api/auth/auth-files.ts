/**
 * Reads the files that decide who may do what: secrets, public keys, policies. Refuses a file that
 * others could read (a secret) or change (any), and never puts content into a message.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { AuthConfigurationError } from "./reasons.ts";

/** Larger than any key; a policies file of this size parses well within an election timeout. */
export const authFileBytesMax: number = 256 * 1024;

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, "0");

/**
 * What is wrong with owner and mode of a secret, or null. PostgreSQL's rule for its key: 0600
 * or less when this user owns the file, 0640 or less when root does, because a Secret volume with
 * `fsGroup` gives 0440 root:fsGroup (kubernetes #57923) and so do keys that a system manages.
 */
export function findSecretFault(
  file: { readonly uid: number; readonly mode: number },
  ownUid: number,
): string | null {
  if (file.uid !== ownUid && file.uid !== 0) {
    return `is owned by user ${file.uid}; a secret must be owned by this user (${ownUid}) or root`;
  }
  const [forbidden, allowed] = file.uid === ownUid ? [0o077, "0600"] : [0o037, "0640"];
  if ((file.mode & forbidden) === 0) return null;
  return (
    `has mode ${octal(file.mode)}: a secret must not be open to others, ` +
    `use chmod ${allowed} or less`
  );
}

function checkSecret(path: string, stats: Stats, ownUid: number): void {
  const fault = findSecretFault(stats, ownUid);
  if (fault !== null) throw new AuthConfigurationError(`${path} ${fault}`);
}

function checkWritable(path: string, stats: Stats): void {
  if ((stats.mode & 0o002) === 0) return;
  throw new AuthConfigurationError(
    `${path} has mode ${octal(stats.mode)}: anyone could change it, use chmod o-w`,
  );
}

async function readChecked(handle: FileHandle, path: string, secret: boolean): Promise<Buffer> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw new AuthConfigurationError(`${path} is not a regular file`);
  // The effective user is the one that opened the file; Windows has neither users nor modes.
  if (process.geteuid !== undefined) {
    if (secret) checkSecret(path, stats, process.geteuid());
    else checkWritable(path, stats);
  }
  if (stats.size > authFileBytesMax) {
    throw new AuthConfigurationError(
      `${path} has ${stats.size} bytes, more than the limit of ${authFileBytesMax}`,
    );
  }
  return handle.readFile();
}

async function openAndRead(path: string, secret: boolean): Promise<Buffer> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe in the file's place would hang the start.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AuthConfigurationError(`cannot read ${path}: ${why}`, { cause });
  }
  try {
    // The mode is that of the opened file, so nothing can be swapped between check and read.
    return await readChecked(handle, path, secret);
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a secret file without one final line break, so that `openssl rand -hex 32 > file`
 * and a Kubernetes Secret mean the same secret everywhere.
 * @throws AuthConfigurationError naming the file
 */
export async function readSecretFile(path: string): Promise<Buffer> {
  const bytes = await openAndRead(path, true);
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

/** A public key or policies file as UTF-8 text. @throws AuthConfigurationError naming the file */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await openAndRead(path, false);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AuthConfigurationError(`${path} is not valid UTF-8`, { cause });
  }
}
