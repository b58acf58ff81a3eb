// The door for the simulator: the shipped log, recovery and state code on a simulated disk.

export { bootstrapMember, joinMember } from "./bootstrap.ts";
export { STORAGE_DEFAULTS, type StorageOptions } from "./options.ts";
export { SIMULATED_STORAGE, SimulatedDisk } from "./simulated-disk.ts";
export { SimulatedCrash, SimulatedFiles } from "./simulated-files.ts";
export {
  openSimulatedStore,
  type SimulatedStore,
  type SimulatedStoreSetup,
} from "./simulated-store.ts";
