/** The door of the replicated state on disk. */
export type { Engine, EngineBatch, EngineIterator, EngineRange, EngineRow } from "./engine.ts";
export { ERA_DEFAULTS, type EraLimits } from "./history-eras.ts";
export { MemoryEngine } from "./memory-engine.ts";
export { HASH_CHECKPOINT_ENTRIES } from "./meta.ts";
export { SnapshotExport } from "./snapshot-export.ts";
export { CHUNK_BYTES_MAX } from "./snapshot-format.ts";
export { SnapshotImport } from "./snapshot-import.ts";
export { EngineReader, READER_DEFAULTS, type ReaderOptions } from "./state-reader.ts";
export { STATE_STORE_DEFAULTS, StateStore, type StateStoreOptions } from "./state-store.ts";
