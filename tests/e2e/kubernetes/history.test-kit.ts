/** The clients of the linearizability suite as a pod of the namespace, and what the check found. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProgramPod } from "./program-pod.test-kit.ts";
import { reportFolder } from "./report.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const PROGRAM = "tests/e2e/kubernetes/history-load.ts";
const FILES: readonly string[] = [
  PROGRAM,
  "tests/e2e/kubernetes/program-server.ts",
  "tests/cluster/polling.test-kit.ts",
  "tests/simulation/random.test-kit.ts",
  ...[
    ...["authors", "checker", "operation", "padded-value", "plain-client", "product-client"],
    ...["read-back", "timeline", "unknown-authors", "workload"],
  ].map((name) => `tests/linearizability/${name}.test-kit.ts`),
];
/** Of tens of thousands of revisions, each is read back. */
const VERIFY_MS = 240_000;

/** What `history-load.ts` answers to /verify. */
export interface Checked {
  readonly operations: number;
  readonly answered: number;
  readonly writes: number;
  readonly refused: number;
  readonly unknown: number;
  readonly resolved: number;
  readonly revisions: number;
  readonly violationCount: number;
  readonly violations: readonly { readonly rule: string; readonly message: string }[];
}

export interface HistoryPlace {
  readonly image: string;
  readonly seed: number;
  /** Pods of the store that clients talk to by name, beside those that go through its Service. */
  readonly pods: readonly string[];
  readonly awayFrom: readonly string[];
}

/** The rights that the load needs: it writes and reads `r/`. */
export const historyAuth = {
  policies: [
    {
      name: "history",
      serviceAccounts: [{ name: "load" }],
      grants: [{ prefix: "r/", verbs: ["read", "write"] }],
    },
  ],
} as const;

export class HistoryLoad {
  readonly #pod: ProgramPod;

  private constructor(pod: ProgramPod) {
    this.#pod = pod;
  }

  static async start(store: Store, place: HistoryPlace): Promise<HistoryLoad> {
    const nodes = place.pods.map((pod) => store.podUrl(pod)).join(" ");
    const { image, awayFrom, seed } = place;
    const load = new HistoryLoad(
      await ProgramPod.start(store, {
        ...{ name: "history", image, awayFrom, program: PROGRAM, files: FILES },
        env: { HISTORY_NODES: nodes, HISTORY_SERVICE: store.url, HISTORY_SEED: String(seed) },
      }),
    );
    await load.progresses();
    return load;
  }

  /** Waits until so many more writes were answered. */
  async progresses(writes = 100): Promise<void> {
    let before: number | null = null;
    await becomes(
      `${writes} more writes are answered`,
      async () => {
        const { written } = JSON.parse(await this.#pod.ask("/")) as { written: number };
        before ??= written;
        return written >= before + writes || new NotYet(`${written - before} more`);
      },
      { withinMs: 90_000 },
    );
  }

  /** Stops and checks. @throws AssertionError with the first violations; the history is kept */
  async verify(): Promise<Checked> {
    const told = JSON.parse(await this.#pod.ask("/verify", AbortSignal.timeout(VERIFY_MS)));
    const checked = told as Checked;
    if (checked.violationCount > 0) await this.#keepHistory();
    const found = checked.violations.map(({ rule, message }) => `${rule}: ${message}`);
    assert.equal(checked.violationCount, 0, found.join("\n"));
    await this.#pod.remove();
    return checked;
  }

  async #keepHistory(): Promise<void> {
    mkdirSync(reportFolder, { recursive: true });
    const text = await this.#pod.ask("/history", AbortSignal.timeout(VERIFY_MS));
    const path = join(reportFolder, "history.json");
    writeFileSync(path, text);
    console.log(`the history that violates something: ${path}`);
  }
}
