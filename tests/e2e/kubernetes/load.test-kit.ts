/** The write load as a pod of the namespace, and what it measured. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describePod, isReady, type Kube } from "./kube.test-kit.ts";
import { clientContainer, tokenVolume } from "./pods.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const PORT = 7_000;
/** Must lie under /app, so that the program finds @kvcluster/client in the image. */
const FOLDER = "/app/load";
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
  readonly #kube: Kube;
  readonly #store: Store;
  readonly #name: string;

  private constructor(kube: Kube, store: Store, name: string) {
    this.#kube = kube;
    this.#store = store;
    this.#name = name;
  }

  /** Starts it and waits until writes are acknowledged. The KVCluster lets `load` write `load/`. */
  static async start(store: Store, { image, awayFrom = [] }: LoadPlace): Promise<Load> {
    const { kube } = store;
    const name = `load-${Math.random().toString(36).slice(2, 8)}`;
    const load = new Load(kube, store, name);
    await kube.apply(program(store.namespace), pod(store, name, { image, awayFrom }));
    await becomes(
      `${name} gets writes acknowledged`,
      async () => {
        const found = (await kube.pods(store.namespace, `app=${name}`))[0];
        if (found === undefined || !isReady(found)) {
          return new NotYet(found === undefined ? "no pod" : describePod(found));
        }
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
    const { namespace } = this.#store;
    await this.#kube.kubectl(["-n", namespace, "delete", "pod", this.#name, "--grace-period=1"]);
    return { acknowledged: told.acknowledged, unknown: told.unknown };
  }

  async #ask<T>(path: string, signal?: AbortSignal): Promise<T> {
    const at = { namespace: this.#store.namespace, name: this.#name, port: PORT };
    return JSON.parse(await this.#kube.fromPod(at, path, signal));
  }
}

const program = (namespace: string): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "write-load", namespace },
  data: {
    "write-load.ts": readFileSync(join(import.meta.dirname, "write-load.ts"), "utf8"),
  },
});

function pod(store: Store, name: string, { image, awayFrom = [] }: LoadPlace): object {
  const elsewhere = { key: "kubernetes.io/hostname", operator: "NotIn", values: awayFrom };
  const terms = { nodeSelectorTerms: [{ matchExpressions: [elsewhere] }] };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: store.namespace, labels: { app: name } },
    spec: {
      serviceAccountName: "load",
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      ...(awayFrom.length === 0
        ? {}
        : {
            affinity: {
              nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms },
            },
          }),
      containers: [
        clientContainer({
          image,
          command: ["node", "--conditions=kvcluster-dist", `${FOLDER}/write-load.ts`],
          env: { LOAD_ENDPOINT: store.url, LOAD_PORT: String(PORT), LOAD_PREFIX: `load/${name}/` },
          mounts: [{ name: "program", mountPath: FOLDER }],
        }),
      ],
      volumes: [
        tokenVolume(store.audience),
        { name: "program", configMap: { name: "write-load" } },
      ],
    },
  };
}
