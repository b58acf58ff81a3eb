/** Historic bugs of the state machine: applying, compaction, equality of replicas. */
import { type Mutant, THREE } from "./mutant.test-kit.ts";

const CRASHES = {
  votersWanted: 3,
  machines: 3,
  faults: ["crash"],
  faultEveryUs: 200_000,
} as const;

const REMOVES_EVENT_OF_COMPACT_REVISION = {
  file: "storage/state/compaction.ts",
  find: "eventKey({ revision: compactRevision, sub: 0 })",
  replace: "eventKey({ revision: (compactRevision + 1) as never, sub: 0 })",
};

export const stateBugs: readonly Mutant[] = [
  {
    bug: "the applied index is saved apart from the data",
    seenIn: "etcd 3.5, #13766",
    edits: [
      {
        file: "storage/state/pending-effects.ts",
        find:
          "    this.#batch.put(FIGURES_KEY, encodeFigures(this.figures));\n" +
          "    this.#engine.write(this.#batch, options);",
        replace:
          "    this.#engine.write(this.#batch, options);\n" +
          "    this.#batch.put(FIGURES_KEY, encodeFigures(this.figures));\n" +
          "    this.#engine.write(this.#batch, options);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["same state", "no crash without a cause", "one revision per command"],
      scenario: CRASHES,
      seedsMax: 20,
    },
  },
  {
    bug: "a compaction removes versions that reads can still reach",
    seenIn: "etcd #17780 and its kind",
    edits: [
      {
        file: "storage/state/history-eras.ts",
        find: "eras.findIndex((era) => era <= compactRevision + 1);",
        replace: "eras.findIndex((era) => era <= revision + 1);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["reads of the past", "scans at one revision", "same state"],
      scenario: { ...THREE, faults: [] },
      seedsMax: 10,
    },
  },
  {
    bug: "a compaction removes the event of the compacted revision itself",
    seenIn: "etcd #18089, #19179",
    edits: [REMOVES_EVENT_OF_COMPACT_REVISION],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/state/state-model.test.ts"],
      test: "compaction removes everything that no read can reach",
    },
  },
  {
    bug: "the revision falls after a crash in a compaction",
    seenIn: "etcd #17780",
    edits: [
      REMOVES_EVENT_OF_COMPACT_REVISION,
      {
        file: "storage/state/state-store.ts",
        find: "    if (revision === figures.revision) return;\n",
        replace:
          "    figures.revision = revision as typeof figures.revision;\n" +
          "    if (revision === figures.revision) return;\n",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/state/compaction.test.ts"],
      test: "a compaction takes the eras that hold nothing it leaves to be read",
    },
  },
  {
    bug: "what one revision superseded lies in two eras, of which one goes before the other",
    seenIn: "this repository's design",
    edits: [
      {
        file: "storage/state/pending-effects.ts",
        find: "    const place = { era: this.#era.first, key,",
        replace:
          "    this.#era.advance(this.figures);\n" +
          "    const place = { era: this.#era.first, key,",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/state/compaction.test.ts"],
      test: "an era ends by its bytes, goes on after a restart, and holds revisions whole",
    },
  },
  {
    bug: "a read of the past looks into the newest era only",
    seenIn: "this repository's design",
    edits: [
      {
        file: "storage/state/history-eras.ts",
        find: "    if (era <= revision + 1) return;\n",
        replace: "    if (era > 0) return;\n",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["reads of the past", "scans at one revision"],
      scenario: { ...THREE, faults: [] },
      seedsMax: 10,
    },
  },
  {
    bug: "a range in a command sees another state on each member",
    seenIn: "etcd #18667, PR 21432",
    edits: [
      {
        file: "storage/state/state-store.ts",
        find:
          '    if (command.type === "deleteRange" && ' +
          "this.#effects.operations > 0) this.#write();\n",
        replace: "",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["same state", "same answer everywhere", "one revision per command"],
      scenario: { ...THREE, thinkUs: 1_000, clients: 8, faults: [] },
      seedsMax: 10,
    },
  },
  {
    bug: "entries are applied again after a restart",
    seenIn: "etcd 3.5, #13766",
    edits: [
      {
        file: "storage/state/state-store.ts",
        find: "    assertLastEvent(engine, figures);\n    const configuration",
        replace:
          "    if (figures.appliedIndex > 1) {\n" +
          "      figures.appliedIndex = toLogIndex(figures.appliedIndex - 1);\n    }\n" +
          "    assertLastEvent(engine, figures);\n    const configuration",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["same state", "one revision per command", "compaction by the log"],
      scenario: CRASHES,
      seedsMax: 3,
    },
  },
  {
    bug: "a replica whose state differs is not noticed",
    seenIn: "etcd 3.5, #13766 (no corruption check by default)",
    edits: [
      {
        file: "storage/state/state-store.ts",
        find: "    if (actual === undefined || actual === command.hash) return null;\n",
        replace: "    if (actual === undefined || actual >= 0) return null;\n",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/state/state-store.test.ts"],
      test: "every replica notes its hash at the same entries, and the last ones are kept",
    },
  },
];
