/** The door of the configuration: one typed schema, loaded from file, environment and flags. */
export { ConfigError, type ConfigInput, effectiveConfig, loadConfig } from "./load.ts";
export { renderConfigReference } from "./reference.ts";
export { configSchema } from "./schema.ts";
export { type Setting, settings } from "./settings.ts";
export type {
  AdvertiseConfig,
  AuthAlgorithm,
  AuthConfig,
  AuthKeyConfig,
  CompactionConfig,
  Config,
  LimitsConfig,
  ListenConfig,
  LogConfig,
  LogLevel,
  PeersConfig,
  RaftConfig,
  ReplicaConfig,
  StorageConfig,
  TimeoutsConfig,
} from "./types.ts";
