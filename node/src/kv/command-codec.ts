/**
 * The binary format of a command: what is proposed, stored in the log and applied. The header has
 * fixed offsets, so that a leader stamps its clock in place without decoding the rest.
 *
 *   0      format version (1)
 *   1      type of the command
 *   2–9    origin, u64 below 2^48
 *   10–13  sequence, u32
 *   14–21  leader's wall clock, ms since 1970, u64
 *   22–    the body, by type
 *
 * Input may come from a peer or a damaged disk: decoding throws DecodeError and nothing else.
 */
import { ByteReader, ByteWriter, DecodeError } from "../codec/index.ts";
import type {
  Command,
  CommandHeader,
  Condition,
  DeleteOperation,
  PutOperation,
  Revision,
} from "./types.ts";
import { toRevision } from "./types.ts";

const FORMAT_VERSION = 1;
const TIMESTAMP_OFFSET = 14;
const HEADER_BYTES = 22;
const ORIGIN_MAX = 2 ** 48 - 1;
const U32_MAX = 2 ** 32 - 1;
/** The least that one operation of a batch takes: its type, a key's length and one byte of key. */
const OPERATION_BYTES_MIN = 6;

/** Numbers on disk and wire: never reuse one, never change one. */
const COMMAND_NUMBERS = {
  put: 1,
  delete: 2,
  deleteRange: 3,
  batch: 4,
  compact: 5,
  verifyHash: 6,
} as const satisfies Record<Command["type"], number>;

const CONDITION_NUMBERS = {
  none: 0,
  absent: 1,
  exists: 2,
  modRevision: 3,
} as const satisfies Record<Condition["type"], number>;

const assertWithin = (value: number, max: number, what: string): void => {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${what} must be an integer from 0 to ${max}, got ${value}`);
  }
};

/**
 * Encodes a command for the log.
 * @throws RangeError for an empty key or a number outside of its field: a bug of the caller
 */
export const encodeCommand = (header: CommandHeader, command: Command): Uint8Array => {
  assertWithin(header.origin, ORIGIN_MAX, "origin");
  assertWithin(header.sequence, U32_MAX, "sequence");
  assertWithin(header.timestampMs, Number.MAX_SAFE_INTEGER, "timestampMs");
  const writer = new ByteWriter(HEADER_BYTES + bodyBytes(command), "pooled");
  writer.u8(FORMAT_VERSION).u8(COMMAND_NUMBERS[command.type]);
  writer.u64(header.origin).u32(header.sequence).u64(header.timestampMs);
  writeBody(writer, command);
  return writer.finish();
};

/** @throws DecodeError when the bytes are no command of a known version and type */
export const decodeCommand = (
  bytes: Uint8Array,
): { readonly header: CommandHeader; readonly command: Command } => {
  const reader = new ByteReader(bytes);
  readVersion(reader);
  const number = reader.u8();
  const header = readHeaderFields(reader);
  const command = readBody(reader, number);
  reader.end();
  return { header, command };
};

/** Reads the header only. @throws DecodeError when it is damaged or of an unknown version */
export const readHeader = (data: Uint8Array): CommandHeader => {
  const reader = new ByteReader(data);
  readVersion(reader);
  reader.u8();
  return readHeaderFields(reader);
};

/**
 * Writes the leader's time into an encoded command, in place: only before the command is appended.
 * @throws DecodeError when `data` is too short to be a command or of an unknown version
 */
export const stampTimestamp = (data: Uint8Array, timestampMs: number): void => {
  assertWithin(timestampMs, Number.MAX_SAFE_INTEGER, "timestampMs");
  if (data.length < HEADER_BYTES || data[0] !== FORMAT_VERSION) {
    throw new DecodeError(`${data.length} bytes are no command of version ${FORMAT_VERSION}`);
  }
  const view = new DataView(data.buffer, data.byteOffset + TIMESTAMP_OFFSET, 8);
  view.setUint32(0, Math.floor(timestampMs / 2 ** 32));
  view.setUint32(4, timestampMs % 2 ** 32);
};

const readVersion = (reader: ByteReader): void => {
  const version = reader.u8();
  if (version !== FORMAT_VERSION) throw new DecodeError(`unknown command format ${version}`);
};

const readHeaderFields = (reader: ByteReader): CommandHeader => {
  const origin = reader.u64();
  if (origin > ORIGIN_MAX) throw new DecodeError(`origin ${origin} is above 2^48 - 1`);
  return { origin, sequence: reader.u32(), timestampMs: reader.u64() };
};

const CONDITION_BYTES_MAX = 9;

const operationBytes = (operation: PutOperation | DeleteOperation): number =>
  5 + operation.key.length + (operation.type === "put" ? 4 + operation.value.length : 0);

const bodyBytes = (command: Command): number => {
  switch (command.type) {
    case "put":
    case "delete":
      return CONDITION_BYTES_MAX + operationBytes(command);
    case "deleteRange":
      return 12 + command.start.length + command.end.length;
    case "batch":
      return command.operations.reduce((sum, operation) => sum + operationBytes(operation), 4);
    case "compact":
      return 8;
    case "verifyHash":
      return 12;
  }
};

const writeBody = (writer: ByteWriter, command: Command): void => {
  switch (command.type) {
    case "put":
      writeKey(writer, command.key);
      writeCondition(writer, command.condition);
      writer.bytes(command.value);
      return;
    case "delete":
      writeKey(writer, command.key);
      writeCondition(writer, command.condition);
      return;
    case "deleteRange":
      assertWithin(command.keysMax, U32_MAX, "keysMax");
      writer.bytes(command.start).bytes(command.end).u32(command.keysMax);
      return;
    case "batch":
      writer.u32(command.operations.length);
      for (const operation of command.operations) writeOperation(writer, operation);
      return;
    case "compact":
      writer.u64(command.revision);
      return;
    case "verifyHash":
      assertWithin(command.index, Number.MAX_SAFE_INTEGER, "index");
      assertWithin(command.hash, U32_MAX, "hash");
      writer.u64(command.index).u32(command.hash);
      return;
  }
};

const writeKey = (writer: ByteWriter, key: Uint8Array): void => {
  if (key.length === 0) throw new RangeError("a key must have at least one byte");
  writer.bytes(key);
};

const writeCondition = (writer: ByteWriter, condition: Condition): void => {
  writer.u8(CONDITION_NUMBERS[condition.type]);
  if (condition.type === "modRevision") writer.u64(condition.revision);
};

const writeOperation = (writer: ByteWriter, operation: PutOperation | DeleteOperation): void => {
  writer.u8(COMMAND_NUMBERS[operation.type]);
  writeKey(writer, operation.key);
  if (operation.type === "put") writer.bytes(operation.value);
};

const readBody = (reader: ByteReader, number: number): Command => {
  switch (number) {
    case COMMAND_NUMBERS.put: {
      const key = readKey(reader);
      const condition = readCondition(reader);
      return { type: "put", key, condition, value: reader.bytes() };
    }
    case COMMAND_NUMBERS.delete:
      return { type: "delete", key: readKey(reader), condition: readCondition(reader) };
    case COMMAND_NUMBERS.deleteRange: {
      const start = reader.bytes();
      const end = reader.bytes();
      return { type: "deleteRange", start, end, keysMax: reader.u32() };
    }
    case COMMAND_NUMBERS.batch:
      return { type: "batch", operations: readOperations(reader) };
    case COMMAND_NUMBERS.compact:
      return { type: "compact", revision: readRevision(reader) };
    case COMMAND_NUMBERS.verifyHash: {
      const index = reader.u64();
      return { type: "verifyHash", index, hash: reader.u32() };
    }
    default:
      throw new DecodeError(`unknown command type ${number}`);
  }
};

const readKey = (reader: ByteReader): Uint8Array => {
  const key = reader.bytes();
  if (key.length === 0) throw new DecodeError(`empty key before byte ${reader.offset}`);
  return key;
};

const readRevision = (reader: ByteReader): Revision => toRevision(reader.u64());

const readCondition = (reader: ByteReader): Condition => {
  const number = reader.u8();
  switch (number) {
    case CONDITION_NUMBERS.none:
      return { type: "none" };
    case CONDITION_NUMBERS.absent:
      return { type: "absent" };
    case CONDITION_NUMBERS.exists:
      return { type: "exists" };
    case CONDITION_NUMBERS.modRevision:
      return { type: "modRevision", revision: readRevision(reader) };
    default:
      throw new DecodeError(`unknown condition ${number}`);
  }
};

const readOperations = (reader: ByteReader): readonly (PutOperation | DeleteOperation)[] => {
  const count = reader.u32();
  // Checked before anything is allocated: a damaged count must not ask for gigabytes.
  if (count * OPERATION_BYTES_MIN > reader.remaining) {
    throw new DecodeError(`${count} operations do not fit in ${reader.remaining} bytes`);
  }
  const operations: (PutOperation | DeleteOperation)[] = [];
  for (let at = 0; at < count; at += 1) operations.push(readOperation(reader));
  return operations;
};

const readOperation = (reader: ByteReader): PutOperation | DeleteOperation => {
  const number = reader.u8();
  const key = readKey(reader);
  switch (number) {
    case COMMAND_NUMBERS.put:
      return { type: "put", key, value: reader.bytes() };
    case COMMAND_NUMBERS.delete:
      return { type: "delete", key };
    default:
      throw new DecodeError(`unknown operation ${number} in a batch`);
  }
};
