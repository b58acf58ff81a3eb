/**
 * Proof that the robustness run can fail: nodes with one fault of their own, made from an edited
 * copy of the source, under the faults that bring it out. Too slow for every run of the tests:
 *
 *   node tests/linearizability/broken-stores.ts            each broken store is caught
 *   node tests/linearizability/broken-stores.ts unsynced   one of them
 */
import { join } from "node:path";
import { withMutatedCopy } from "../simulation/mutants/mutated-copy.test-kit.ts";
import { diskFaults, type Fault, plainFaults } from "./faults.test-kit.ts";
import type { Rule } from "./operation.test-kit.ts";
import { whyNoPowerLoss } from "./power-loss-disk.test-kit.ts";
import { runRobustness, ViolationError } from "./robustness-run.test-kit.ts";

interface BrokenStore {
  readonly name: string;
  readonly what: string;
  readonly edits: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
  readonly faults: Readonly<Record<string, Fault>>;
  readonly hasPowerLoss: boolean;
  /** At least one of them must be broken. */
  readonly rules: readonly Rule[];
}

const ROUNDS_MAX = 5;
const FAULTS_OF_ROUND = 4;

const pick = (
  faults: Readonly<Record<string, Fault>>,
  ...names: readonly string[]
): Readonly<Record<string, Fault>> =>
  Object.fromEntries(
    names.map((name) => {
      const fault = faults[name];
      if (fault === undefined) throw new Error(`no fault "${name}"`);
      return [name, fault];
    }),
  );

const brokenStores: readonly BrokenStore[] = [
  {
    name: "unsynced",
    what: "the log is written but not synced before a write is acknowledged",
    edits: [
      {
        file: "storage/files.ts",
        find: "    fdatasync(this.#descriptor, (cause) => {",
        replace: "    fstat(this.#descriptor, (cause) => {",
      },
      { file: "storage/files.ts", find: "  fdatasync,\n", replace: "  fstat,\n" },
    ],
    faults: pick(diskFaults, "power loss of all"),
    hasPowerLoss: true,
    rules: ["a write does what was asked", "one write per revision", "revisions follow real time"],
  },
  {
    name: "unconfirmed",
    what: "a leader serves reads without asking a majority whether it still leads",
    edits: [
      {
        file: "raft/read-index.ts",
        find: "  if (!hasQuorum(node.configurations.voters, hasConfirmed)) return false;\n",
        replace: "  if (!hasConfirmed(node.id)) return false;\n",
      },
    ],
    faults: pick(plainFaults, "leader stopped while cut off"),
    hasPowerLoss: false,
    rules: ["reads are not stale", "revisions follow real time"],
  },
];

/** @returns what the run said, null when it saw nothing wrong */
async function hunt(store: BrokenStore, seed: number): Promise<string | null> {
  return await withMutatedCopy(store.edits, "tested", async (root) => {
    try {
      await runRobustness({
        seed,
        faults: store.faults,
        site: { hasPowerLoss: store.hasPowerLoss, program: join(root, "node/src/main.ts") },
        faultsOfRound: FAULTS_OF_ROUND,
        goesOn: ({ rounds }) => rounds < ROUNDS_MAX,
        log: console.log,
      });
      return null;
    } catch (error) {
      if (!(error instanceof ViolationError)) throw error;
      const isRight = error.violations.some(({ rule }) => store.rules.includes(rule));
      return isRight ? error.message : null;
    }
  });
}

async function main(names: readonly string[]): Promise<number> {
  const reason = whyNoPowerLoss();
  let missed = 0;
  for (const store of brokenStores) {
    if (names.length > 0 && !names.includes(store.name)) continue;
    console.log(`${store.name}: ${store.what}`);
    if (store.hasPowerLoss && reason !== null) {
      console.log(`POWER LOSS CANNOT BE PLAYED HERE: ${reason}`);
      missed += 1;
      continue;
    }
    const caught = await hunt(store, Date.now() % 1_000_000);
    console.log(caught === null ? `✖ ${store.name} was not caught` : `✔ caught: ${caught}`);
    if (caught === null) missed += 1;
  }
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
