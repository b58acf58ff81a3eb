/** A program of these tests that runs beside the store, as a pod, and answers what it is asked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describePod, isReady } from "./kube.test-kit.ts";
import { clientContainer, tokenVolume } from "./pods.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const PORT = 7_000;
/** Must lie under /app, so that programs find @kvcluster/client in the image. */
const FOLDER = "/app/load";
const root = join(import.meta.dirname, "../../..");

export interface ProgramPlace {
  readonly name: string;
  /** The node's image: it has Node and the client. */
  readonly image: string;
  /** What is run: one of `files`. It listens on PROGRAM_PORT. */
  readonly program: string;
  /** Sources, relative to the repository's root; in the pod they lie as they do there. */
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Nodes that are about to be lost. */
  readonly awayFrom: readonly string[];
}

export class ProgramPod {
  readonly #store: Store;
  readonly #name: string;

  private constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /** Starts it and waits until it is ready; it may not listen yet. */
  static async start(store: Store, place: ProgramPlace): Promise<ProgramPod> {
    const { kube, namespace } = store;
    const { name } = place;
    await kube.apply(configMap(namespace, place), manifest(store, place));
    await becomes(
      `${name} runs`,
      async () => {
        const found = (await kube.pods(namespace, `app=${name}`))[0];
        if (found !== undefined && isReady(found)) return true;
        return new NotYet(found === undefined ? "no pod" : describePod(found));
      },
      { withinMs: 90_000 },
    );
    return new ProgramPod(store, name);
  }

  async ask(path: string, signal?: AbortSignal): Promise<string> {
    const { kube, namespace } = this.#store;
    return await kube.fromPod({ namespace, name: this.#name, port: PORT }, path, signal);
  }

  async remove(): Promise<void> {
    const { kube, namespace } = this.#store;
    const objects = [`pod/${this.#name}`, `configmap/${this.#name}`];
    await kube.kubectl(["-n", namespace, "delete", ...objects, "--grace-period=1"]);
  }
}

/** A key of a ConfigMap has no slashes; the volume puts each file where it belongs. */
const keyOf = (path: string): string => path.replaceAll("/", "__");

const configMap = (namespace: string, { name, files }: ProgramPlace): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data: Object.fromEntries(
    files.map((path) => [keyOf(path), readFileSync(join(root, path), "utf8")]),
  ),
});

function manifest(store: Store, place: ProgramPlace): object {
  const { name, image, program, files, env, awayFrom } = place;
  const items = files.map((path) => ({ key: keyOf(path), path }));
  const elsewhere = { key: "kubernetes.io/hostname", operator: "NotIn", values: awayFrom };
  const terms = { nodeSelectorTerms: [{ matchExpressions: [elsewhere] }] };
  const required = { requiredDuringSchedulingIgnoredDuringExecution: terms };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: store.namespace, labels: { app: name } },
    spec: {
      serviceAccountName: "load",
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      ...(awayFrom.length === 0 ? {} : { affinity: { nodeAffinity: required } }),
      containers: [
        clientContainer({
          image,
          command: ["node", "--conditions=kvcluster-dist", `${FOLDER}/${program}`],
          env: { PROGRAM_PORT: String(PORT), ...env },
          mounts: [{ name: "program", mountPath: FOLDER }],
        }),
      ],
      volumes: [tokenVolume(store.audience), { name: "program", configMap: { name, items } }],
    },
  };
}
