/**
 * The token that a list page hands out for the next one. It binds revision and place to the range
 * that was listed, and carries a digest, so that a changed or damaged token is refused by name
 * instead of giving another list. It is no secret and grants nothing: the next request is
 * authorised for its whole range like the first, and the place must lie inside that range.
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, DecodeError } from "../codec/index.ts";
import { type Revision, toRevision } from "../kv/index.ts";
import { ApiError } from "./api-error.ts";

const formatVersion = 1;
const digestBytes = 12;
/** Longest token read: a key of the largest allowed size, and some. */
const tokenCharsMax = 100_000;

/** A range as it was asked for; an empty end means to the last key. */
export interface ListRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

/** Where the next page begins. */
export interface ContinuePoint {
  readonly revision: Revision;
  /** Inclusive. */
  readonly start: Uint8Array;
}

const digest = (payload: Uint8Array, range: ListRange): Uint8Array =>
  createHash("sha256")
    .update("kvcluster continue")
    .update(new ByteWriter().bytes(range.start).bytes(range.end).finish())
    .update(payload)
    .digest()
    .subarray(0, digestBytes);

/** The token, safe in a URL. */
export function encodeContinue(point: ContinuePoint, range: ListRange): string {
  const payload = new ByteWriter()
    .u8(formatVersion)
    .u64(point.revision)
    .bytes(point.start)
    .finish();
  return Buffer.concat([payload, digest(payload, range)]).toString("base64url");
}

const refuse = (why: string, cause?: unknown): ApiError =>
  new ApiError("INVALID_CONTINUE", `the continue token ${why}`, { cause });

function decodePayload(payload: Uint8Array): ContinuePoint {
  const reader = new ByteReader(payload);
  const version = reader.u8();
  if (version !== formatVersion) throw new DecodeError(`unknown version ${version}`);
  const revision = toRevision(reader.u64());
  const start = reader.bytes();
  reader.end();
  return { revision, start };
}

const isInside = (key: Uint8Array, { start, end }: ListRange): boolean =>
  Buffer.compare(key, start) > 0 && (end.length === 0 || Buffer.compare(key, end) < 0);

/** @throws ApiError INVALID_CONTINUE */
export function decodeContinue(token: string, range: ListRange): ContinuePoint {
  if (token.length > tokenCharsMax || !/^[A-Za-z0-9_-]+$/.test(token)) {
    throw refuse("is not one of this API");
  }
  const bytes = Buffer.from(token, "base64url");
  const payload = bytes.subarray(0, Math.max(0, bytes.length - digestBytes));
  // Re-encoding shows bits beyond the last byte, which base64 decoders pass over.
  if (bytes.length <= digestBytes || bytes.toString("base64url") !== token) {
    throw refuse("is damaged");
  }
  if (Buffer.compare(bytes.subarray(payload.length), digest(payload, range)) !== 0) {
    throw refuse("was changed or belongs to a list of another range");
  }
  let point: ContinuePoint;
  try {
    point = decodePayload(payload);
  } catch (cause) {
    throw refuse("is of an unknown format", cause);
  }
  if (!isInside(point.start, range)) throw refuse("points outside of its range");
  return point;
}
