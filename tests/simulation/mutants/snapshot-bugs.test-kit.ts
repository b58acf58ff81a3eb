/** Historic bugs of snapshots and of trimming the log. */
import { byGolden, byUnit, type Mutant } from "./mutant.test-kit.ts";

/** Members that fall behind until only a snapshot helps. */
const SNAPSHOTS = {
  votersWanted: 3,
  machines: 4,
  clients: 5,
  thinkUs: 2_000,
  faults: ["cutOff", "crash"],
  faultEveryUs: 600_000,
} as const;

const INSTALL_RACE = "node/src/replica/install-race.test.ts";

export const snapshotBugs: readonly Mutant[] = [
  {
    bug: "a snapshot leaves the learners out of its configuration",
    seenIn: "etcd #9087, #10864",
    edits: [
      {
        file: "storage/state/snapshot-export.ts",
        find: "      configuration: configuration.configuration,",
        replace:
          "      configuration: { members: configuration.configuration.members.filter(" +
          '({ role }) => role === "voter") },',
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["members by the log"],
      scenario: { votersWanted: 3, machines: 5, churnEveryUs: 300_000, faults: [] },
      seedsMax: 20,
    },
  },
  {
    bug: "the core goes on while the store switches to a snapshot",
    seenIn: "etcd #18055",
    edits: [
      {
        file: "replica/replica.ts",
        find: "        paused: () => this.#receiver.installing,",
        replace: "        paused: () => this.#receiver.installing && this.#leaderChanges < 0,",
      },
    ],
    caughtBy: byUnit(
      INSTALL_RACE,
      "entries that arrive while a snapshot is installed are not written before it",
    ),
  },
  {
    bug: "messages that waited are handled between an install and the core's word of it",
    seenIn: "etcd #18055",
    edits: [
      {
        file: "replica/replica.ts",
        find: '    this.#loop.inputFirst({ type: "snapshotInstalled", snapshot });',
        replace: '    this.#loop.input({ type: "snapshotInstalled", snapshot });',
      },
    ],
    caughtBy: byUnit(INSTALL_RACE, "what waited is judged by the log that the snapshot left"),
  },
  {
    bug: "a snapshot that the log already holds throws the entries after it away",
    seenIn: "Raft §7",
    edits: [
      {
        file: "raft/snapshot.ts",
        find: "  if (node.log.term(index) === term) {\n",
        replace: "  if (node.log.term(index) === term && node.ticks < 0) {\n",
      },
    ],
    caughtBy: byUnit(
      "node/src/raft/raft.test.ts",
      "an installed snapshot that the log contains leaves what follows it",
    ),
  },
  {
    bug: "a snapshot that failed counts as installed",
    seenIn: "etcd-io/raft",
    edits: [
      {
        file: "raft/snapshot.ts",
        find: "  if (report.delivered) acknowledge(peer, report.index);",
        replace: "  acknowledge(peer, report.index);",
      },
    ],
    caughtBy: byGolden("failed snapshot is sent again after a heartbeat"),
  },
  {
    bug: "a snapshot is named current before it is durable",
    seenIn: "thesis §5.1",
    edits: [
      {
        file: "storage/state/snapshot-import.ts",
        find: "    this.#engine.write(this.#batch, { sync: true });",
        replace: "    this.#engine.write(this.#batch, { sync: false });",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["no crash without a cause", "what is durable stays"],
      scenario: { ...SNAPSHOTS, faults: ["cutOff", "crash", "crashAll"], faultEveryUs: 200_000 },
      seedsMax: 30,
    },
  },
  {
    bug: "the log gives way to a snapshot before that is the state",
    seenIn: "thesis §5.1",
    edits: [
      {
        file: "storage/store-core.ts",
        find:
          "    writeCurrent(files, this.#member, " +
          "{ ...current, pendingSnapshot: { index, term } });\n",
        replace: "    if (this.#log.termAt(index) !== term) this.#log.reset(index, term);\n",
      },
    ],
    caughtBy: {
      suite: "storage",
      files: ["node/src/storage/store-crash.test.ts"],
      test: "is there whole or not at all, wherever the power fails",
    },
  },
  {
    bug: "the log is trimmed before the state that needs it no more is durable",
    seenIn: "this repository's design",
    edits: [
      {
        file: "storage/store-core.ts",
        find: "      this.#state.sync();\n      this.#log.trim(target);",
        replace: "      this.#log.trim(target);",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["no crash without a cause", "what is durable stays"],
      scenario: {
        votersWanted: 3,
        machines: 3,
        thinkUs: 2_000,
        faults: ["crash", "crashAll"],
        faultEveryUs: 200_000,
        segmentBytes: 4096,
      },
      seedsMax: 10,
    },
  },
];
