/**
 * The meta data of the state: figures, configuration and hash checkpoints, each a row of its own
 * that is written in the same batch as the data it describes. Never a source of defaults: a row
 * that cannot be read is corruption.
 *
 *   "s"        version (1), applied index, applied term, revision, compact revision, removed
 *              revision, keys (u64 each), hash u32
 *   "c"        version (1), configuration index u64, configuration as in its log entry
 *   "h" slot   version (1), index u64, hash u32
 */
import { ByteReader, ByteWriter, DecodeError } from "../../codec/index.ts";
import { type Revision, TAG_META, toRevision } from "../../kv/index.ts";
import {
  type Configuration,
  decodeConfiguration,
  type LogIndex,
  type Term,
  toLogIndex,
  toTerm,
} from "../../raft/index.ts";
import type { StateSummary } from "../../replica/index.ts";

const FORMAT_VERSION = 1;

/** Every replica notes its hash when it has applied an index that this divides. */
export const HASH_CHECKPOINT_ENTRIES = 1024;
/** So many checkpoints are remembered; a comparison that comes later has no verdict. */
export const HASH_CHECKPOINTS_MAX = 64;

/** The state hash as it was after an entry. */
export type HashCheckpoint = NonNullable<StateSummary["checkpoint"]>;

const name = (text: string): Uint8Array =>
  Uint8Array.of(TAG_META, ...new TextEncoder().encode(text));

export const FIGURES_KEY: Uint8Array = name("s");
export const CONFIGURATION_KEY: Uint8Array = name("c");
const CHECKPOINT_PREFIX: Uint8Array = name("h");

/** Rows of checkpoints: a ring, so that an old one is overwritten. */
export const CHECKPOINT_RANGE: { readonly start: Uint8Array; readonly end: Uint8Array } = {
  start: CHECKPOINT_PREFIX,
  end: name("i"),
};

export const checkpointKey = (index: LogIndex): Uint8Array =>
  Uint8Array.of(...CHECKPOINT_PREFIX, (index / HASH_CHECKPOINT_ENTRIES) % HASH_CHECKPOINTS_MAX);

/** The figures that every batch carries. */
export interface StateFigures {
  appliedIndex: LogIndex;
  appliedTerm: Term;
  revision: Revision;
  compactRevision: Revision;
  /** Background compaction has removed what lies before this revision; at most compactRevision. */
  removedRevision: Revision;
  keys: number;
  hash: number;
}

export const blankFigures = (): StateFigures => ({
  appliedIndex: toLogIndex(0),
  appliedTerm: toTerm(0),
  revision: toRevision(0),
  compactRevision: toRevision(0),
  removedRevision: toRevision(0),
  keys: 0,
  hash: 0,
});

export const encodeFigures = (figures: StateFigures): Uint8Array =>
  new ByteWriter(64)
    .u8(FORMAT_VERSION)
    .u64(figures.appliedIndex)
    .u64(figures.appliedTerm)
    .u64(figures.revision)
    .u64(figures.compactRevision)
    .u64(figures.removedRevision)
    .u64(figures.keys)
    .u32(figures.hash)
    .finish();

/** @throws DecodeError when the bytes are no figures, or figures that cannot be */
export const decodeFigures = (bytes: Uint8Array): StateFigures => {
  const reader = openRow(bytes);
  const figures = {
    appliedIndex: toLogIndex(reader.u64()),
    appliedTerm: toTerm(reader.u64()),
    revision: toRevision(reader.u64()),
    compactRevision: toRevision(reader.u64()),
    removedRevision: toRevision(reader.u64()),
    keys: reader.u64(),
    hash: reader.u32(),
  };
  reader.end();
  const { removedRevision, compactRevision, revision } = figures;
  if (removedRevision > compactRevision || compactRevision > revision) {
    throw new DecodeError(
      `removed ${removedRevision}, compacted ${compactRevision}, revision ${revision}: ` +
        "not in order",
    );
  }
  return figures;
};

/** The members, and the entry that made them so. */
export interface ConfigurationState {
  readonly configuration: Configuration;
  readonly index: LogIndex;
}

export const NO_CONFIGURATION: ConfigurationState = {
  configuration: { members: [] },
  index: toLogIndex(0),
};

/** @param data the configuration as its log entry holds it */
export const encodeConfigurationRow = (index: LogIndex, data: Uint8Array): Uint8Array =>
  new ByteWriter(9 + data.length).u8(FORMAT_VERSION).u64(index).raw(data).finish();

/** @throws DecodeError */
export const decodeConfigurationRow = (bytes: Uint8Array): ConfigurationState => {
  const reader = openRow(bytes);
  const index = toLogIndex(reader.u64());
  return { index, configuration: decodeConfiguration(reader.raw(reader.remaining)) };
};

export const encodeCheckpoint = (checkpoint: HashCheckpoint): Uint8Array =>
  new ByteWriter(13).u8(FORMAT_VERSION).u64(checkpoint.index).u32(checkpoint.hash).finish();

/** @throws DecodeError */
export const decodeCheckpoint = (bytes: Uint8Array): HashCheckpoint => {
  const reader = openRow(bytes);
  const checkpoint = { index: toLogIndex(reader.u64()), hash: reader.u32() };
  reader.end();
  return checkpoint;
};

const openRow = (bytes: Uint8Array): ByteReader => {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== FORMAT_VERSION) {
    throw new DecodeError(`format ${version}; this program knows format ${FORMAT_VERSION}`);
  }
  return reader;
};
