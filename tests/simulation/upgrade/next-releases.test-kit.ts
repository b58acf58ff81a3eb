/**
 * Releases that do not exist yet, made from the shipped source: the next one reads every format of
 * the one after it and writes new formats only where no other node reads them; the one after that
 * writes the new formats everywhere.
 */
import type { Edit } from "../mutants/mutant.test-kit.ts";

const COMMAND = "kv/command-codec.ts";
const RECORD = "kv/record-codec.ts";
const SEGMENT = "storage/log/segment-header.ts";
const META = "storage/state/meta.ts";
const MEMBER = "storage/member-files.ts";

/** Reads commands with one more field and rows of the next format. */
const readsNext: readonly Edit[] = [
  {
    file: COMMAND,
    find: "  if (version !== FORMAT_VERSION) throw new DecodeError(`unknown command",
    replace: "  if (version !== 1 && version !== 2) throw new DecodeError(`unknown command",
  },
  {
    file: COMMAND,
    find: "  const command = readBody(reader, number);\n",
    replace: "  const command = readBody(reader, number);\n  if (bytes[0] === 2) reader.u8();\n",
  },
  {
    file: COMMAND,
    find: "data.length < HEADER_BYTES || data[0] !== FORMAT_VERSION) {",
    replace: "data.length < HEADER_BYTES || (data[0] !== 1 && data[0] !== 2)) {",
  },
  {
    file: META,
    find: "  if (version !== FORMAT_VERSION) {",
    replace: "  if (version !== 1 && version !== 2) {",
  },
];

/** Files that only the node itself reads. */
const writesOwnFiles: readonly Edit[] = [
  {
    file: SEGMENT,
    find: "export const LOG_FORMAT_VERSION = 1;",
    replace: "export const LOG_FORMAT_VERSION = 2;",
  },
  {
    file: SEGMENT,
    find: "  if (version !== LOG_FORMAT_VERSION) {",
    replace: "  if (version > LOG_FORMAT_VERSION) {",
  },
  { file: MEMBER, find: "const FORMAT = 1;", replace: "const FORMAT = 2;" },
  {
    file: MEMBER,
    find: '    if (value["format"] !== FORMAT) throw',
    replace: '    if (Number(value["format"]) > FORMAT) throw',
  },
];

/** Commands and the rows that travel in snapshots. */
const writesShared: readonly Edit[] = [
  { file: COMMAND, find: "const FORMAT_VERSION = 1;", replace: "const FORMAT_VERSION = 2;" },
  {
    file: COMMAND,
    find: "  writeBody(writer, command);\n  return writer.finish();",
    replace: "  writeBody(writer, command);\n  writer.u8(0x55);\n  return writer.finish();",
  },
  { file: META, find: "const FORMAT_VERSION = 1;", replace: "const FORMAT_VERSION = 2;" },
];

export const nextRelease: readonly Edit[] = [...readsNext, ...writesOwnFiles];
export const releaseAfterNext: readonly Edit[] = [...nextRelease, ...writesShared];

/** A mistake: the bytes of records are in the state's hash, so they cannot change node by node. */
export const hastyRelease: readonly Edit[] = [
  { file: RECORD, find: "const FORMAT_VERSION = 1;", replace: "const FORMAT_VERSION = 2;" },
  {
    file: RECORD,
    find: "  if (bytes[0] !== FORMAT_VERSION) throw",
    replace: "  if (bytes[0] !== 1 && bytes[0] !== 2) throw",
  },
];
