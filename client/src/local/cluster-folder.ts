/**
 * The data folder of a local cluster: made once, locked while it is used, never mixed with
 * another's.
 *
 *   cluster.json     the record; written last when the folder is made, so it means "whole"
 *   LOCK LOCK.owner  see folder-lock.ts
 *   secrets/         HS256 secret of the tokens, secret of the peers, key ring of the values
 *   token            a ready-made token
 *   node-N/          config.yaml, log, pid and data/ of each node
 *   removed/         folders of nodes that are no members any more
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type ClusterRecord, decodeClusterRecord } from "./decode-cluster-record.ts";
import { type FolderLock, LOCK_FILE, LOCK_OWNER_FILE, lockFolder } from "./folder-lock.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import type { LaunchSettings, LocalNode } from "./launch-settings.ts";
import { writePrivateFile } from "./private-files.ts";

const RECORD_FILE = "cluster.json";
const SECRETS_FOLDER = "secrets";
const NODE_FOLDER = /^node-\d+$/;
/** What an interrupted first start may leave. */
const EARLY_NAMES: readonly string[] = [
  LOCK_FILE,
  LOCK_OWNER_FILE,
  SECRETS_FOLDER,
  `${RECORD_FILE}.partial`,
];
const NAMES_SHOWN_MAX = 5;

/** Files of the secrets folder. */
export interface SecretFiles {
  readonly tokenSecret: string;
  readonly peerSecret: string;
  readonly keyRing: string;
}

export class ClusterFolder {
  readonly path: string;
  readonly secrets: SecretFiles;
  readonly tokenFile: string;
  /** What was found and mended, for people. */
  readonly notices: readonly string[];
  readonly #lock: FolderLock;
  #record: ClusterRecord;

  constructor(
    path: string,
    opened: { lock: FolderLock; record: ClusterRecord; notices: string[] },
  ) {
    this.path = path;
    this.secrets = secretFilesOf(path);
    this.tokenFile = join(path, "token");
    this.notices = opened.notices;
    this.#lock = opened.lock;
    this.#record = opened.record;
  }

  get record(): ClusterRecord {
    return this.#record;
  }

  update(change: Partial<Pick<ClusterRecord, "clusterId" | "nodes" | "peerPortBase">>): void {
    this.#record = { ...this.#record, ...change };
    writeRecord(this.path, this.#record);
  }

  /** Ids of the nodes that have a folder here, in order. */
  nodeIds(): readonly number[] {
    return readdirSync(this.path)
      .filter((name) => NODE_FOLDER.test(name))
      .map((name) => Number(name.slice("node-".length)))
      .sort((a, b) => a - b);
  }

  /** Puts the folder of a former member out of the way; nothing is deleted. @returns where it is */
  setAside(node: LocalNode): string {
    const removed = join(this.path, "removed");
    mkdirSync(removed, { recursive: true, mode: 0o700 });
    const place = join(removed, `${node.name}-${new Date().toISOString().replaceAll(":", "-")}`);
    renameSync(node.folder, place);
    return place;
  }

  release(): void {
    this.#lock.release();
  }
}

const secretFilesOf = (path: string): SecretFiles => ({
  tokenSecret: join(path, SECRETS_FOLDER, "jwt-secret"),
  peerSecret: join(path, SECRETS_FOLDER, "peer-secret"),
  keyRing: join(path, SECRETS_FOLDER, "key-ring.json"),
});

function writeRecord(path: string, record: ClusterRecord): void {
  writePrivateFile(join(path, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Opens the folder, or makes it. Nothing is written into a folder that is not ours.
 * @throws LaunchError: foreign, damaged, in use, or not accessible
 */
export function openClusterFolder(settings: LaunchSettings, nodesDefault: number): ClusterFolder {
  const path = settings.dataFolder;
  const names = listFolder(path);
  const isWhole = names.includes(RECORD_FILE);
  if (!isWhole) assertEmptyOrBegun(path, names);
  const lock = lockFolder(path);
  try {
    const notices: string[] = [];
    if (!isWhole && names.includes(SECRETS_FOLDER)) {
      notices.push(`${path} was begun by an earlier start that did not end; finishing it`);
    }
    const record = isWhole ? readRecord(path) : makeRecord(settings, nodesDefault);
    if (isWhole) assertSecrets(path);
    else makeSecrets(path);
    if (!isWhole) writeRecord(path, record);
    return new ClusterFolder(path, { lock, record, notices });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function listFolder(path: string): string[] {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const names = readdirSync(path);
    if (names.length === 0) chmodSync(path, 0o700);
    return names;
  } catch (cause) {
    throw new LaunchError(`the data folder ${path} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

function assertEmptyOrBegun(path: string, names: readonly string[]): void {
  const nodes = names.filter((name) => NODE_FOLDER.test(name));
  if (nodes.length > 0) {
    throw new LaunchError(
      `${path} holds ${nodes.join(", ")} but no ${RECORD_FILE}: it is half-written or damaged.\n` +
        `Bring ${RECORD_FILE} back, or move the folder away to begin anew.`,
    );
  }
  const foreign = names.filter((name) => !EARLY_NAMES.includes(name));
  if (foreign.length === 0) return;
  const shown = foreign.slice(0, NAMES_SHOWN_MAX).join(", ");
  const more =
    foreign.length > NAMES_SHOWN_MAX ? ` and ${foreign.length - NAMES_SHOWN_MAX} more` : "";
  throw new LaunchError(
    `${path} is not the data folder of a local cluster: it holds ${shown}${more}.\n` +
      "Set KV_DATA to an empty folder or one that does not exist; nothing was changed.",
  );
}

function readRecord(path: string): ClusterRecord {
  const file = join(path, RECORD_FILE);
  const decoded = decodeClusterRecord(readFileSync(file, "utf8"));
  if (!("fault" in decoded)) return decoded;
  throw new LaunchError(
    `${file} cannot be read: ${decoded.fault}.\n` +
      "Bring it back from a copy, or move the folder away to begin anew.",
  );
}

const makeRecord = (settings: LaunchSettings, nodesDefault: number): ClusterRecord => ({
  format: "kvcluster local cluster",
  version: 1,
  createdAt: new Date().toISOString(),
  clusterId: null,
  nodes: settings.nodes ?? nodesDefault,
  peerPortBase: settings.peerPortBase,
});

/** Each is written whole or not at all, so what an interrupted start left is kept. */
function makeSecrets(path: string): void {
  const { tokenSecret, peerSecret, keyRing } = secretFilesOf(path);
  const folder = join(path, SECRETS_FOLDER);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const newSecret = (): string => `${randomBytes(32).toString("base64url")}\n`;
  if (!existsSync(tokenSecret)) writePrivateFile(tokenSecret, newSecret());
  if (!existsSync(peerSecret)) writePrivateFile(peerSecret, newSecret());
  if (!existsSync(keyRing)) writePrivateFile(keyRing, newKeyRing());
}

function newKeyRing(): string {
  const id = `local-${randomBytes(4).toString("hex")}`;
  const keys = { "key-1": randomBytes(32).toString("base64") };
  return `${JSON.stringify({ version: 1, id, active: "key-1", keys }, null, 2)}\n`;
}

function assertSecrets(path: string): void {
  const { tokenSecret, peerSecret, keyRing } = secretFilesOf(path);
  const missing = [
    [tokenSecret, "tokens cannot be checked"],
    [peerSecret, "the nodes cannot prove themselves to each other"],
    [keyRing, "the stored values cannot be decrypted"],
  ].filter(([file = ""]) => !existsSync(file));
  if (missing.length === 0) return;
  const lines = missing.map(([file, why]) => `${file} is missing: without it ${why}.`);
  throw new LaunchError(
    `${lines.join("\n")}\nBring it back from a copy, or move ${path} away to begin anew.`,
  );
}
