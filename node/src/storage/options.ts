/**
 * Limits and sizes of the storage layer, with their defaults; the configuration may change
 * them.
 */
import { ERA_DEFAULTS, type EraLimits } from "./state/index.ts";

export interface StorageOptions extends EraLimits {
  /** A log segment is closed at this size and the next one begun. */
  readonly segmentBytes: number;
  /**
   * A segment grows by so many zeros at a time (docs/adr/0001-segmented-log.md has the
   * figures).
   */
  readonly zeroFillBytes: number;
  /** Entry bytes in one group commit; waiting appends beyond it go into the next one. */
  readonly groupBytesMax: number;
  /** Entry bytes handed to the state machine at once; what was committed beyond it comes after. */
  readonly applyBytesMax: number;
  /** Appended entries kept in memory until they are applied; older ones are read from the log. */
  readonly tailBytesMax: number;
  /** The state is brought to the disk, beside other work, each time it has grown by so much. */
  readonly writeBackBytes: number;
  /** Records kept in memory for commands that overwrite them. */
  readonly recordCacheBytes: number;
}

const MIB = 1024 * 1024;

export const STORAGE_DEFAULTS: StorageOptions = {
  segmentBytes: 16 * MIB,
  zeroFillBytes: MIB,
  groupBytesMax: 4 * MIB,
  applyBytesMax: 4 * MIB,
  tailBytesMax: 32 * MIB,
  writeBackBytes: MIB,
  recordCacheBytes: 40 * MIB,
  ...ERA_DEFAULTS,
};
