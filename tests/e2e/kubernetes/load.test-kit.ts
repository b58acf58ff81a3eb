/** The write load as a pod of the namespace, and what it measured. */
import assert from "node:assert/strict";
import { ProgramPod } from "./program-pod.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const PROGRAM = "tests/e2e/kubernetes/write-load.ts";
const FILES: readonly string[] = [PROGRAM, "tests/e2e/kubernetes/program-server.ts"];
const VERIFY_MS = 120_000;
const CALM_S = 2;
const CALM_WITHIN_MS = 120_000;
/** Where nothing happened to the store, a pause is the machine's: shorter than any election. */
export const STARVED_MS = 1_000;

export interface LoadWindow {
  readonly seconds: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  /** Longest time between two acknowledgements, all writers together. */
  readonly longestGapMs: number;
  /** Sum of the gaps of more than 250 ms. */
  readonly unavailableMs: number;
  readonly gaps: readonly number[];
  readonly reasons: Readonly<Record<string, number>>;
}

interface Verified {
  readonly acknowledged: number;
  readonly revisions: number;
  readonly unknown: number;
  readonly faultCount: number;
  readonly faults: readonly string[];
}

export interface LoadPlace {
  readonly image: string;
  /** Nodes that are about to be lost. */
  readonly awayFrom?: readonly string[];
}

export class Load {
  readonly #pod: ProgramPod;

  private constructor(pod: ProgramPod) {
    this.#pod = pod;
  }

  /** Starts it and waits until writes are acknowledged. The KVCluster lets `load` write `load/`. */
  static async start(store: Store, { image, awayFrom = [] }: LoadPlace): Promise<Load> {
    const name = `load-${Math.random().toString(36).slice(2, 8)}`;
    const load = new Load(
      await ProgramPod.start(store, {
        ...{ name, image, awayFrom, program: PROGRAM, files: FILES },
        env: { LOAD_ENDPOINT: store.url, LOAD_PREFIX: `load/${name}/` },
      }),
    );
    await becomes(
      `${name} gets writes acknowledged`,
      async () => {
        const { acknowledged } = await load.#ask<{ acknowledged: number }>("/");
        return acknowledged > 50 ? true : new NotYet(`${acknowledged} acknowledged`);
      },
      { withinMs: 90_000 },
    );
    await load.window();
    return load;
  }

  /** What happened since the load was started or last asked. */
  async window(): Promise<LoadWindow> {
    return await this.#ask<LoadWindow>("/window");
  }

  /**
   * Waits for a few seconds without a pause: what follows is then measured from a store at work and
   * not from the end of making its pods and volumes.
   */
  async isCalm(): Promise<void> {
    await this.window();
    await becomes(
      "writes flow without a pause",
      async () => {
        const { seconds, gaps, acknowledged } = await this.window();
        const said = `${acknowledged} writes in ${seconds} s, pauses: ${gaps.join(", ")} ms`;
        return (seconds >= CALM_S && acknowledged > 0 && gaps.length === 0) || new NotYet(said);
      },
      { withinMs: CALM_WITHIN_MS, everyMs: (CALM_S + 1) * 1_000 },
    );
  }

  /** Waits until so many more writes were acknowledged, in a window that stays open. */
  async progresses(writes = 200): Promise<void> {
    const { acknowledged: before } = await this.#ask<{ acknowledged: number }>("/");
    await becomes(
      `${writes} more writes are acknowledged`,
      async () => {
        const { acknowledged } = await this.#ask<{ acknowledged: number }>("/");
        return acknowledged >= before + writes || new NotYet(`${acknowledged - before} more`);
      },
      { withinMs: 60_000 },
    );
  }

  /** Stops, reads all back, and throws when an acknowledged write is missing or wrong. */
  async verify(): Promise<{ readonly acknowledged: number; readonly unknown: number }> {
    const told = await this.#ask<Verified>("/verify", AbortSignal.timeout(VERIFY_MS));
    assert.equal(told.faultCount, 0, `${told.faultCount} faults:\n${told.faults.join("\n")}`);
    assert.ok(told.acknowledged > 0, "the load wrote nothing");
    assert.equal(told.revisions, told.acknowledged, "two writes were given one revision");
    await this.#pod.remove();
    return { acknowledged: told.acknowledged, unknown: told.unknown };
  }

  async #ask<T>(path: string, signal?: AbortSignal): Promise<T> {
    return JSON.parse(await this.#pod.ask(path, signal));
  }
}
