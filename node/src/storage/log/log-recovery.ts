/**
 * Finds the segments of a log folder, orders them and checks that none is missing. Leaves of
 * a crash are told apart from damage: unfinished segments end in `.tmp`, segments before the latest
 * reset are void, everything else must be whole.
 */
import type { ClusterId } from "../../raft/index.ts";
import { corrupt, StorageError } from "../errors.ts";
import type { Files } from "../files.ts";
import {
  decodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "./segment-header.ts";

export interface FoundSegment {
  readonly path: string;
  readonly header: SegmentHeader;
}

export interface FoundSegments {
  /** In order, without a gap, at least one. */
  readonly live: readonly FoundSegment[];
  /** Files that a crash left and that hold nothing of the log. */
  readonly leftovers: readonly string[];
}

/** @throws StorageError CORRUPT, WRONG_IDENTITY, FOREIGN_FOLDER */
export const findSegments = (files: Files, folder: string, clusterId: ClusterId): FoundSegments => {
  const leftovers: string[] = [];
  const named: { path: string; sequence: number; firstIndex: number }[] = [];
  for (const name of files.list(folder)) {
    const path = `${folder}/${name}`;
    const parsed = parseSegmentName(name);
    if (parsed !== null) named.push({ path, ...parsed });
    else if (name.endsWith(".log.tmp")) leftovers.push(path);
    else throw new StorageError("FOREIGN_FOLDER", `${path} is no segment of a KVCluster log`);
  }
  named.sort((a, b) => a.sequence - b.sequence);
  const found = named.map(({ path, sequence, firstIndex }) => {
    const header = readHeader(files, path);
    if (header.sequence !== sequence || header.firstIndex !== firstIndex) {
      throw corrupt(path, `holds segment ${header.sequence} from entry ${header.firstIndex}`);
    }
    return { path, header };
  });
  const start = Math.max(
    0,
    found.findLastIndex(({ header }) => header.isReset),
  );
  leftovers.push(...found.slice(0, start).map(({ path }) => path));
  const live = found.slice(start);
  checkSequence(folder, live, clusterId);
  return { live, leftovers };
};

const readHeader = (files: Files, path: string): SegmentHeader => {
  const file = files.open(path);
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    return decodeSegmentHeader(bytes.subarray(0, file.read(bytes, 0)), path);
  } finally {
    file.close();
  }
};

const checkSequence = (
  folder: string,
  live: readonly FoundSegment[],
  clusterId: ClusterId,
): void => {
  if (live.length === 0) throw corrupt(folder, "the log has no segment");
  let previous: FoundSegment | undefined;
  for (const segment of live) {
    const { header, path } = segment;
    if (header.clusterId !== clusterId) {
      const text = `${path} belongs to cluster ${header.clusterId}, this node to ${clusterId}`;
      throw new StorageError("WRONG_IDENTITY", text);
    }
    if (previous !== undefined && header.sequence !== previous.header.sequence + 1) {
      const missing = previous.header.sequence + 1;
      throw corrupt(folder, `segment ${missing} is missing between ${previous.path} and ${path}`);
    }
    previous = segment;
  }
};
