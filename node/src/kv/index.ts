/** The state machine's door. */
export { applyCommand, type EffectSink, type StateView } from "./apply.ts";
export { decodeCommand, encodeCommand, readHeader, stampTimestamp } from "./command-codec.ts";
export {
  decodeEventBlock,
  EVENT_BLOCK_FORMAT,
  EVENT_LENGTH_BYTES,
  eventBytes,
  type StoredEvent,
  writeEvent,
} from "./event-codec.ts";
export {
  currentKey,
  currentRange,
  decodeEventKey,
  decodeHistoryKey,
  EVENT_KEY_BYTES,
  type EventPlace,
  eraRange,
  eventKey,
  type HistoryPlace,
  historyEnd,
  historyKey,
  historyKeyBytes,
  historyRange,
  type KeyRange,
  prefixEnd,
  TAG_END,
  TAG_EVENT,
  TAG_HISTORY,
  TAG_KEY,
  TAG_META,
  tagRange,
  writeEventKey,
  writeHistoryKey,
} from "./key-space.ts";
export {
  decodeRecord,
  decodeVersion,
  encodeRecord,
  readRecord,
  recordBytes,
  type Scratch,
  TOMBSTONE,
  writeRecord,
} from "./record-codec.ts";
export type {
  Command,
  CommandFailure,
  CommandHeader,
  CommandResult,
  Condition,
  DeleteOperation,
  KvEvent,
  KvRecord,
  PutOperation,
  Revision,
} from "./types.ts";
export { toRevision } from "./types.ts";
