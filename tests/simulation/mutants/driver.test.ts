/** Historic bugs of the driver (raft-pitfalls), put back into a copy of node/src/replica. */
import { test } from "node:test";
import { assertCaught } from "./mutant.test-kit.ts";

test("votes and acknowledgements leave before the write is durable", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "replica/log-writer.ts",
        find: "    this.#inFlight.push({ write, startedAtMs, messages });",
        replace:
          "    this.#sendAll(messages);\n" +
          "    this.#inFlight.push({ write, startedAtMs, messages: [] });",
      },
    ],
    scenario: { votersWanted: 3, machines: 3 },
    caughtBy: ["vote only after the write", "acknowledge only what is durable"],
    seedsMax: 5,
  }));

test("a leader counts its own write before it is durable (etcd #14370)", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "replica/log-writer.ts",
        find: "    this.#store.append(write, () => this.#completed());",
        replace:
          "    this.#store.append(write, () => this.#completed());\n" +
          "    this.#handlers.persisted(write);",
      },
    ],
    scenario: {},
    caughtBy: ["commit what a majority holds durably"],
    seedsMax: 5,
  }));

test("a write of unknown outcome is sent again", (t) =>
  assertCaught(t, {
    edits: [
      {
        file: "replica/proposals.ts",
        find: "    this.#parked = [];\n    for",
        replace: "    this.#parked = parked;\n    for",
      },
    ],
    scenario: { votersWanted: 3, machines: 3 },
    caughtBy: ["a proposal takes effect at most once"],
    seedsMax: 5,
  }));

test("a wiped node comes back under its old id (openraft FAQ)", (t) =>
  assertCaught(t, {
    edits: [],
    scenario: {
      votersWanted: 5,
      machines: 5,
      churnEveryUs: 0,
      faults: ["loseVolume"],
      wipedKeepTheirId: true,
    },
    caughtBy: ["what is durable stays", "one vote per term", "term and vote survive"],
    seedsMax: 10,
  }));
