/**
 * The folder of one node on the real disk: locked while it is open, told apart from folders that
 * are not ours, and blank until bootstrap or join. Nothing in it is changed before the lock is
 * held.
 *
 *   FORMAT       version of this layout; written first
 *   LOCK         see folder-lock.ts
 *   member/      see member-files.ts; absent on a blank node
 *   keys-in-use  which encryption keys data here may be sealed with; the crypto layer's
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { toClusterId } from "../raft/index.ts";
import type { Identity, JoinRequest } from "../replica/index.ts";
import { bootstrapMember, joinMember } from "./bootstrap.ts";
import { corrupt, ioError, StorageError } from "./errors.ts";
import { readWhole, realFiles, writeAtomically } from "./files.ts";
import { type FolderLock, LOCK_FILE, LOCK_OWNER_FILE, lockFolder } from "./folder-lock.ts";
import type { LogOptions } from "./log/log.ts";
import { MEMBER_FOLDER, readMember, UNFINISHED_MEMBER_FOLDER } from "./member-files.ts";
import { STORAGE_DEFAULTS, type StorageOptions } from "./options.ts";

/** Which encryption keys data here may be sealed with; written by crypto/. */
export const KEY_USE_FILE = "keys-in-use";
const FORMAT_FILE = "FORMAT";
/** Format 1 kept the history by key alone (docs/adr/0002-state-layout.md); no release had it. */
const FORMAT_TEXT = "kvcluster data folder, format 2\n";
const OUR_NAMES: readonly string[] = [
  FORMAT_FILE,
  `${FORMAT_FILE}.tmp`,
  LOCK_FILE,
  LOCK_OWNER_FILE,
  MEMBER_FOLDER,
  UNFINISHED_MEMBER_FOLDER,
  KEY_USE_FILE,
  `${KEY_USE_FILE}.new`,
];
/** A volume of its own may have it; it is the file system's. */
const IGNORED_NAMES: readonly string[] = ["lost+found"];
const NAMES_SHOWN_MAX = 5;

export interface DataFolderOptions {
  /** Name of this node; the folder of another one is refused. */
  readonly name: string;
  readonly storage?: StorageOptions;
  /** Told what was left by a crash and repaired. */
  readonly onNotice?: (text: string) => void;
}

export interface BootstrapAddresses {
  readonly peerAddress: string;
  readonly clientAddress: string;
}

export class DataFolder {
  readonly path: string;
  readonly options: DataFolderOptions;
  readonly #lock: FolderLock;
  #identity: Identity | null;

  constructor(path: string, options: DataFolderOptions, lock: FolderLock) {
    this.path = path;
    this.options = options;
    this.#lock = lock;
    this.#identity = this.#open();
  }

  /** Who this node is; null while it is blank. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** Makes a cluster of this blank node alone. @throws StorageError ALREADY_BOOTSTRAPPED */
  bootstrap({ peerAddress, clientAddress }: BootstrapAddresses): Identity {
    this.#assertBlank();
    this.#identity = bootstrapMember(realFiles, this.path, {
      clusterId: toClusterId(randomBytes(16).toString("hex")),
      name: this.options.name,
      peerAddress,
      clientAddress,
      log: this.#logOptions(),
    });
    return this.#identity;
  }

  /** Makes this blank node a member that was admitted. @throws StorageError ALREADY_BOOTSTRAPPED */
  join({ clusterId, nodeId, members }: JoinRequest): Identity {
    this.#assertBlank();
    const identity = { clusterId, nodeId, name: this.options.name };
    const log = this.#logOptions();
    this.#identity = joinMember(realFiles, this.path, { identity, members, log });
    return this.#identity;
  }

  /** Gives the lock up; the store must be closed before. */
  close(): void {
    this.#lock.release();
  }

  #open(): Identity | null {
    const names = readdirSync(this.path).filter((name) => !IGNORED_NAMES.includes(name));
    const foreign = names.filter((name) => !OUR_NAMES.includes(name));
    if (foreign.length > 0) throw foreignError(this.path, foreign);
    const isMember = names.includes(MEMBER_FOLDER);
    checkFormat(this.path, names.includes(FORMAT_FILE), isMember);
    if (names.includes(UNFINISHED_MEMBER_FOLDER)) {
      this.#notice(`removed ${this.path}/${UNFINISHED_MEMBER_FOLDER}, a bootstrap cut short`);
      realFiles.removeTree(`${this.path}/${UNFINISHED_MEMBER_FOLDER}`);
    }
    return isMember ? this.#readIdentity() : null;
  }

  #readIdentity(): Identity {
    const { identity } = readMember(realFiles, `${this.path}/${MEMBER_FOLDER}`);
    if (identity.name === this.options.name) return identity;
    throw new StorageError(
      "WRONG_IDENTITY",
      `${this.path} holds the data of node ${JSON.stringify(identity.name)} of cluster ` +
        `${identity.clusterId}, this node is ${JSON.stringify(this.options.name)}`,
    );
  }

  #assertBlank(): void {
    if (this.#identity === null) return;
    const { clusterId, nodeId } = this.#identity;
    const message = `${this.path} already belongs to node ${nodeId} of cluster ${clusterId}`;
    throw new StorageError("ALREADY_BOOTSTRAPPED", message);
  }

  #notice(text: string): void {
    this.options.onNotice?.(text);
  }

  #logOptions(): LogOptions {
    return {
      ...(this.options.storage ?? STORAGE_DEFAULTS),
      random: () => randomBytes(4).readUInt32BE() / 0x1_0000_0000,
      onNotice: (text) => this.#notice(text),
    };
  }
}

/**
 * Opens (or makes) and locks the data folder of a node.
 * @throws StorageError LOCKED, FOREIGN_FOLDER, WRONG_IDENTITY, UNSUPPORTED_FORMAT, CORRUPT, IO
 */
export const openDataFolder = (path: string, options: DataFolderOptions): DataFolder => {
  const absolute = resolve(path);
  try {
    mkdirSync(absolute, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw ioError(`make the data folder ${absolute}`, cause);
  }
  assertOurs(absolute);
  const lock = lockFolder(absolute);
  try {
    return new DataFolder(absolute, options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
};

/** Before the lock, so that nothing is written into a folder that is not ours. */
const assertOurs = (path: string): void => {
  const ours = [...OUR_NAMES, ...IGNORED_NAMES];
  const foreign = readdirSync(path).filter((name) => !ours.includes(name));
  if (foreign.length > 0) throw foreignError(path, foreign);
};

const foreignError = (path: string, names: readonly string[]): StorageError => {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(", ");
  const rest = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : "";
  return new StorageError(
    "FOREIGN_FOLDER",
    `${path} is not a data folder of KVCluster: it holds ${shown}${rest}; choose an empty folder`,
  );
};

const checkFormat = (path: string, hasFormat: boolean, isMember: boolean): void => {
  const file = `${path}/${FORMAT_FILE}`;
  if (!hasFormat && isMember) throw corrupt(file, "the file is missing beside a member's data");
  if (!hasFormat) {
    writeAtomically(realFiles, file, new TextEncoder().encode(FORMAT_TEXT));
    return;
  }
  const text = new TextDecoder().decode(readWhole(realFiles, file));
  if (text === FORMAT_TEXT) return;
  const found = JSON.stringify(text.slice(0, 80));
  const known = JSON.stringify(FORMAT_TEXT.trim());
  const message =
    `${file} says ${found}, this program reads ${known} and converts nothing: use the program ` +
    "that wrote it, or another folder";
  throw new StorageError("UNSUPPORTED_FORMAT", message);
};
