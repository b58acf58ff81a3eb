/**
 * The small files of a member's folder and how they are made: who the member is (`identity.json`),
 * and which state is current (`CURRENT`). A member folder is built under another name and renamed
 * into place when it is complete, so half a bootstrap is never mistaken for a member.
 *
 *   <data folder>/member/identity.json      written once
 *   <data folder>/member/CURRENT            replaced atomically by each snapshot install
 *   <data folder>/member/log/               segments
 *   <data folder>/member/state-<n>/         one RocksDB
 */
import {
  type Configuration,
  type Entry,
  type HardState,
  type Member,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import type { Identity } from "../replica/index.ts";
import { corrupt, StorageError } from "./errors.ts";
import { type Files, readWhole, writeAtomically } from "./files.ts";
import { packEntries } from "./log/entry-block.ts";
import { type LogOptions, SegmentedLog } from "./log/log.ts";

export const MEMBER_FOLDER = "member";
export const UNFINISHED_MEMBER_FOLDER = "member.new";
const FORMAT = 1;

/** Who this member is, and whom it was told of before its log could tell. */
export interface MemberRecord {
  readonly identity: Identity;
  /** Empty on the node that bootstrapped the cluster. */
  readonly provisional: Configuration;
}

/** Which state is in force. */
export interface CurrentState {
  /** Name of the folder, `state-<n>`. */
  readonly state: string;
  /** The snapshot that the state is, while the log may not have given way to it yet. */
  readonly pendingSnapshot: { readonly index: number; readonly term: number } | null;
}

export interface NewMember extends MemberRecord {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  readonly log: LogOptions;
}

export const logFolder = (member: string): string => `${member}/log`;
export const stateName = (number: number): string => `state-${number}`;
export const stateNumber = (name: string): number | null => {
  const match = /^state-([1-9]\d{0,14})$/.exec(name);
  return match === null ? null : Number(match[1]);
};

/** Makes a member in a data folder; whole or not at all, whenever power fails. */
export const createMember = (files: Files, root: string, made: NewMember): void => {
  const unfinished = `${root}/${UNFINISHED_MEMBER_FOLDER}`;
  files.removeTree(unfinished);
  files.makeFolder(unfinished);
  files.makeFolder(logFolder(unfinished));
  const { hardState, identity } = made;
  const { clusterId } = identity;
  const start = { ...made.log, clusterId, hardState };
  const log = SegmentedLog.create(files, logFolder(unfinished), start);
  if (made.entries.length > 0) log.append(null, [packEntries(made.entries)]);
  log.close();
  writeCurrent(files, unfinished, { state: stateName(1), pendingSnapshot: null });
  const record = { format: FORMAT, ...identity, members: made.provisional.members };
  writeJson(files, `${unfinished}/identity.json`, record);
  files.syncFolder(unfinished);
  files.rename(unfinished, `${root}/${MEMBER_FOLDER}`);
  files.syncFolder(root);
};

/** @throws StorageError CORRUPT or UNSUPPORTED_FORMAT */
export const readMember = (files: Files, member: string): MemberRecord =>
  readJson(files, `${member}/identity.json`, (fields) => ({
    identity: {
      clusterId: toClusterId(text(fields, "clusterId")),
      nodeId: toNodeId(count(fields, "nodeId")),
      name: text(fields, "name"),
    },
    provisional: { members: list(fields, "members").map(toMember) },
  }));

/** @throws StorageError CORRUPT or UNSUPPORTED_FORMAT */
export const readCurrent = (files: Files, member: string): CurrentState =>
  readJson(files, `${member}/CURRENT`, (fields) => {
    const state = text(fields, "state");
    if (stateNumber(state) === null) throw new TypeError(`${state} is no name of a state`);
    const { pendingSnapshot } = fields;
    if (pendingSnapshot === null) return { state, pendingSnapshot };
    if (!isObject(pendingSnapshot)) throw new TypeError("pendingSnapshot is no object");
    const index = toLogIndex(count(pendingSnapshot, "index"));
    const term = toTerm(count(pendingSnapshot, "term"));
    return { state, pendingSnapshot: { index, term } };
  });

/** The commit point of a snapshot install. */
export const writeCurrent = (files: Files, member: string, current: CurrentState): void =>
  writeJson(files, `${member}/CURRENT`, { format: FORMAT, ...current });

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (fields: Fields, name: string): string => {
  const value = fields[name];
  if (typeof value !== "string") throw new TypeError(`${name} is no text`);
  return value;
};

const count = (fields: Fields, name: string): number => {
  const value = fields[name];
  if (typeof value !== "number") throw new TypeError(`${name} is no number`);
  return value;
};

const list = (fields: Fields, name: string): readonly unknown[] => {
  const value = fields[name];
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
  return value;
};

const toMember = (value: unknown): Member => {
  if (!isObject(value)) throw new TypeError("a member is no object");
  const role = text(value, "role");
  if (role !== "voter" && role !== "learner") throw new TypeError(`${role} is no role`);
  return {
    id: toNodeId(count(value, "id")),
    name: text(value, "name"),
    peerAddress: text(value, "peerAddress"),
    clientAddress: text(value, "clientAddress"),
    role,
  };
};

const writeJson = (files: Files, path: string, value: object): void =>
  writeAtomically(files, path, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));

const readJson = <T>(files: Files, path: string, decode: (fields: Fields) => T): T => {
  if (!files.exists(path)) throw corrupt(path, "the file is missing");
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(readWhole(files, path)));
    if (!isObject(value)) throw new TypeError("no object");
    if (value["format"] !== FORMAT) throw unknownFormat(path, value["format"]);
    return decode(value);
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw corrupt(path, `cannot be read: ${detail}`, cause);
  }
};

const unknownFormat = (path: string, format: unknown): StorageError =>
  new StorageError(
    "UNSUPPORTED_FORMAT",
    `${path} has format ${JSON.stringify(format)}, this program reads format ${FORMAT}`,
  );
