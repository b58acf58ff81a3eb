/**
 * The body of `GET /v1/maintenance/snapshot`: a header that says what it is, the store's own
 * checksummed chunks, and an end mark, so that a torn download is recognised as such.
 *
 *   "KVSNAP" · u8 version · u32 length · JSON header · (u32 length · chunk)* · u32 0
 */
import type { ServerResponse } from "node:http";
import { ByteWriter } from "../codec/index.ts";
import type { Identity as NodeIdentity, SnapshotSource } from "../replica/index.ts";

const formatVersion = 1;
/** What a snapshot file starts with. */
const magic = Buffer.from("KVSNAP", "latin1");

/** The bytes before the first chunk. */
export function backupHeader(identity: NodeIdentity, source: SnapshotSource): Uint8Array {
  const { index, term, configuration, configurationIndex } = source.metadata;
  const header = JSON.stringify({
    clusterId: identity.clusterId,
    node: identity.name,
    revision: source.revision,
    index,
    term,
    configurationIndex,
    members: configuration.members,
  });
  return new ByteWriter(1024).raw(magic).u8(formatVersion).text(header).finish();
}

const frame = (chunk: Uint8Array): Uint8Array =>
  new ByteWriter(chunk.length + 4).bytes(chunk).finish();
const endMark = new ByteWriter(4).u32(0).finish();

const nextChunk = (source: SnapshotSource): Promise<Uint8Array | null> =>
  new Promise((resolve) => {
    source.next(resolve);
  });

/** Resolves when more may be written, or the client is gone. */
const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });

/** Writes header, chunks and end with back-pressure; closes the source whatever happens. */
export async function writeBackup(
  header: Uint8Array,
  source: SnapshotSource,
  response: ServerResponse,
): Promise<void> {
  try {
    response.write(header);
    for (let chunk = await nextChunk(source); chunk !== null; chunk = await nextChunk(source)) {
      if (response.destroyed) return;
      if (!response.write(frame(chunk))) await drained(response);
    }
    response.end(endMark);
  } finally {
    source.close();
  }
}
