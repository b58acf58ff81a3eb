/** Historic bugs of what clients are told of their writes. */
import { type Mutant, THREE } from "./mutant.test-kit.ts";

const AT_MOST_ONCE = "a proposal takes effect at most once";

export const clientBugs: readonly Mutant[] = [
  {
    bug: "a write of unknown outcome is sent again",
    seenIn: "jetcd, TiDB (Jepsen)",
    edits: [
      {
        file: "replica/proposals.ts",
        find: "    this.#parked = [];\n    for",
        replace: "    this.#parked = parked;\n    for",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [AT_MOST_ONCE],
      scenario: { votersWanted: 3, machines: 3 },
      seedsMax: 5,
    },
  },
  {
    bug: "a write is sent again in a term in which it may still be committed",
    seenIn: "jetcd, TiDB (Jepsen)",
    edits: [
      {
        file: "replica/proposals.ts",
        find: "      if (routedTerm !== null && routedTerm < term) this.park(sequence);",
        replace: "      if (routedTerm !== null && routedTerm <= term) this.park(sequence);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [AT_MOST_ONCE],
      scenario: { ...THREE, faults: ["isolate", "crash"] },
      seedsMax: 10,
    },
  },
  {
    bug: "after a snapshot, writes that it may hold are sent again",
    seenIn: "jetcd, TiDB (Jepsen)",
    edits: [
      {
        file: "replica/proposals.ts",
        find: '      if (routedTerm !== null) this.fail(sequence, "OUTCOME_UNKNOWN", detail);',
        replace: "      if (routedTerm !== null && detail.length > 0) this.park(sequence);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: [AT_MOST_ONCE],
      scenario: {
        votersWanted: 3,
        machines: 3,
        clients: 8,
        thinkUs: 2_000,
        faults: ["isolate", "pause"],
        faultEveryUs: 600_000,
      },
      seedsMax: 60,
    },
  },
  {
    bug: "a write whose deadline passed is reported as never made",
    seenIn: "jetcd, TiDB (Jepsen)",
    edits: [
      {
        file: "replica/proposals.ts",
        find: 'this.fail(sequence, "OUTCOME_UNKNOWN", "the deadline passed',
        replace: 'this.fail(sequence, "NO_LEADER", "the deadline passed',
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["what was refused has no effect"],
      scenario: { ...THREE, faults: ["isolate", "stall"] },
      seedsMax: 10,
    },
  },
  {
    bug: "an answer goes to a command of another node with the same number",
    seenIn: "this repository's design",
    edits: [
      {
        file: "storage/state/state-store.ts",
        find: "        if (header.origin === origin) settled",
        replace: "        if (header.origin === origin || origin > 0) settled",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["answer only what is committed", "same answer everywhere"],
      scenario: { ...THREE, faults: [] },
      seedsMax: 5,
    },
  },
];
