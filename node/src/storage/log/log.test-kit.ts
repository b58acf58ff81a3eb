/** Logs on simulated files for the tests of this folder. */
import {
  type ClusterId,
  type Entry,
  type HardState,
  toClusterId,
  toLogIndex,
  toTerm,
} from "../../raft/index.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { SimulatedFiles } from "../simulated-files.ts";
import { packEntries, unpackEntries } from "./entry-block.ts";
import { type LogOptions, SegmentedLog } from "./log.ts";

export const CLUSTER: ClusterId = toClusterId("0123456789abcdef0123456789abcdef");
export const FOLDER = "/log";
export const NO_VOTE: HardState = { currentTerm: toTerm(0), votedFor: null };

export const entry = (index: number, term: number, bytes = 20): Entry => ({
  index: toLogIndex(index),
  term: toTerm(term),
  type: index % 10 === 0 ? "configuration" : "command",
  data: new Uint8Array(bytes).fill((index * 31 + term) % 255 || 1),
});

/** Entries [from, to]; a fourth argument sets the bytes of their data. */
export const entries = (from: number, to: number, ...[term, bytes]: [number, number?]): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => entry(from + n, term, bytes ?? 20));

export interface TestLog {
  readonly files: SimulatedFiles;
  readonly notices: string[];
  readonly options: LogOptions;
  log: SegmentedLog;
}

export const newLog = (
  seed: number,
  sizes: { readonly segmentBytes?: number; readonly zeroFillBytes?: number } = {},
): TestLog => {
  const random = seededRandom(seed);
  const files = new SimulatedFiles(random);
  files.makeFolder(FOLDER);
  files.syncFolder("/");
  const notices: string[] = [];
  const options = {
    segmentBytes: sizes.segmentBytes ?? 64 * 1024,
    zeroFillBytes: sizes.zeroFillBytes ?? 4096,
    random,
    onNotice: (text: string) => notices.push(text),
  };
  const log = SegmentedLog.create(files, FOLDER, {
    ...options,
    clusterId: CLUSTER,
    hardState: NO_VOTE,
  });
  return { files, notices, options, log };
};

export const openLog = (files: SimulatedFiles, options: LogOptions): SegmentedLog =>
  SegmentedLog.open(files, FOLDER, { ...options, clusterId: CLUSTER });

/** Opens the same files again, as after a clean stop. */
export const reopen = (test: TestLog): SegmentedLog => {
  test.log.close();
  test.log = openLog(test.files, test.options);
  return test.log;
};

export const put = (log: SegmentedLog, list: readonly Entry[], term = 0): void =>
  log.append(term === 0 ? null : { currentTerm: toTerm(term), votedFor: null }, [
    packEntries(list),
  ]);

export const readAll = (log: SegmentedLog): Entry[] =>
  log
    .read(log.baseIndex + 1, log.lastIndex, Number.POSITIVE_INFINITY)
    .flatMap((block) => unpackEntries(block));

export const lastSegment = (files: SimulatedFiles): string =>
  `${FOLDER}/${files.list(FOLDER).at(-1) ?? ""}`;
