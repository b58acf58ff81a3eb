/** Historic bugs of storage (raft-pitfalls), put back into a copy of node/src/storage. */
import { test } from "node:test";
import { assertCaught } from "./mutant.test-kit.ts";

test("an append is reported durable without a sync", (t) =>
  assertCaught(t, {
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
    scenario: { votersWanted: 3, machines: 3, faults: ["crash"], faultEveryUs: 200_000 },
    caughtBy: ["what is durable stays", "term and vote survive", "no crash without a cause"],
    seedsMax: 10,
  }));

test("the applied index is saved apart from the data (etcd #13766)", (t) =>
  assertCaught(t, {
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
    scenario: { votersWanted: 3, machines: 3, faults: ["crash"], faultEveryUs: 200_000 },
    caughtBy: ["same state", "no crash without a cause", "one revision per command"],
    seedsMax: 20,
  }));

test("a bad record in the middle of the log is treated as its tail (NATS, Jepsen 2025)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "storage/log/segment-scan.ts",
        find: "  if (written < end) return 0;\n",
        replace: "  if (bytes.length > 0) return Math.max(0, written + 1 - end);\n",
      },
    ],
    scenario: { votersWanted: 5, machines: 6, churnEveryUs: 0, faults: ["flipBit", "misdirect"] },
    caughtBy: ["what is durable stays", "term and vote survive"],
    seedsMax: 30,
  }));

test("a snapshot leaves the learners out of its configuration (etcd #9087)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "storage/state/snapshot-export.ts",
        find: "      configuration: configuration.configuration,",
        replace:
          "      configuration: { members: configuration.configuration.members.filter(" +
          '({ role }) => role === "voter") },',
      },
    ],
    scenario: { votersWanted: 3, machines: 5, churnEveryUs: 300_000, faults: [] },
    caughtBy: ["members by the log"],
    seedsMax: 20,
  }));
