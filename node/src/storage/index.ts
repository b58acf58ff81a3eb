// The door of the storage layer: everything other layers may use of it is exported here by name.

export {
  type BootstrapAddresses,
  DataFolder,
  type DataFolderOptions,
  KEY_USE_FILE,
  openDataFolder,
} from "./data-folder.ts";
export { StorageError, type StorageErrorCode } from "./errors.ts";
export { STORAGE_DEFAULTS, type StorageOptions } from "./options.ts";
export { ROCKS_DEFAULTS, type RocksOptions } from "./rocksdb.ts";
export { type OpenedStore, type OpenStoreOptions, openStore } from "./store.ts";
export type { StoreListeners, StoreTiming } from "./store-client.ts";
