/** Historic bugs of disks: what a crash, a failed sync or rot may leave behind. */
import type { Mutant } from "./mutant.test-kit.ts";

const LOST = ["what is durable stays", "term and vote survive"] as const;
const LOG_TEST = "node/src/storage/log/log.test.ts";

export const storageBugs: readonly Mutant[] = [
  {
    bug: "an append is reported durable without a sync",
    seenIn: "etcd #14370, NATS (Jepsen 2025)",
    edits: [
      {
        file: "storage/log/segment.ts",
        find: "    this.#file.sync();\n  }\n\n  /** @param done",
        replace: "  }\n\n  /** @param done",
      },
      {
        file: "storage/log/segment.ts",
        find: "    this.#file.syncLater(done);",
        replace: "    done(undefined);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [...LOST, "no crash without a cause"],
      scenario: { votersWanted: 3, machines: 3, faults: ["crash"], faultEveryUs: 200_000 },
      seedsMax: 10,
    },
  },
  {
    bug: "after a sync that failed the process goes on",
    seenIn: "PostgreSQL, fsyncgate 2018",
    edits: [
      {
        file: "storage/log/log.ts",
        find: "      if (error === undefined) this.#enforce(written);\n",
        replace:
          "      const isPowerOff = error instanceof Error && error.name === 'SimulatedCrash';\n" +
          "      if (!isPowerOff) {\n        this.#enforce(written);\n" +
          "        return done(undefined);\n      }\n" +
          "      if (error === undefined) this.#enforce(written);\n",
      },
      {
        file: "storage/log/log.ts",
        find: "      written.segment.sync();\n",
        replace:
          "      try {\n        written.segment.sync();\n      } catch (error) {\n" +
          "        if (error instanceof Error && error.name === 'SimulatedCrash') throw error;\n" +
          "      }\n",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [...LOST, "no crash without a cause"],
      scenario: {
        votersWanted: 3,
        machines: 3,
        faults: ["failedSync", "crash"],
        faultEveryUs: 200_000,
      },
      seedsMax: 20,
    },
  },
  {
    bug: "a bad record in the middle of the log is treated as its tail",
    seenIn: "NATS, Jepsen 2025",
    edits: [
      {
        file: "storage/log/segment-scan.ts",
        find: "  if (written < end) return 0;\n",
        replace: "  if (bytes.length > 0) return Math.max(0, written + 1 - end);\n",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: LOST,
      scenario: { votersWanted: 5, machines: 6, churnEveryUs: 0, faults: ["flipBit", "misdirect"] },
      seedsMax: 30,
    },
  },
  {
    bug: "a torn write is read as an entry",
    seenIn: "NATS, Jepsen 2025",
    edits: [
      {
        file: "storage/log/segment-scan.ts",
        find: "    if (!isWhole || payloadCrc([payload], salt) !== header.payloadCrc) break;",
        replace: "    if (!isWhole) break;",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: [LOG_TEST],
      test: "cuts a torn last frame off, says so, and goes on",
    },
  },
  {
    bug: "a write that landed elsewhere goes unnoticed",
    seenIn: "Protocol-Aware Recovery (FAST 2018)",
    edits: [
      {
        file: "storage/log/segment-scan.ts",
        find: "    if (header.position !== position || header.ordinal !== ordinal) {",
        replace: "    if (header.position < 0) {",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: [LOG_TEST],
      test: "finds a write that landed on an earlier frame",
    },
  },
  {
    bug: "a row that cannot be read is served as absent",
    seenIn: "Protocol-Aware Recovery (FAST 2018)",
    edits: [
      {
        file: "storage/state/state-reader.ts",
        find: "    const values = this.#engine.getMany(stored);\n    return stored.map(",
        replace:
          "    let values: readonly (Uint8Array | undefined)[] = [];\n" +
          "    try {\n      values = this.#engine.getMany(stored);\n    } catch {}\n" +
          "    return stored.map(",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/state/rot.test.ts"],
      test: "with any one row rotten every read is right or refused",
    },
  },
  {
    bug: "the name of a new segment is not synced",
    seenIn: "All File Systems Are Not Created Equal (OSDI 2014)",
    edits: [
      {
        file: "storage/log/segment.ts",
        find: "    files.syncFolder(folder);\n    return new Segment(",
        replace: "    return new Segment(",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [...LOST, "no crash without a cause"],
      scenario: {
        votersWanted: 3,
        machines: 3,
        faults: ["crash", "crashAll"],
        faultEveryUs: 200_000,
        segmentBytes: 4096,
      },
      seedsMax: 10,
    },
  },
];
