/**
 * Where a file of scenarios plays: Kubernetes, the images, the operator and a namespace of its own.
 * Whatever happens, the stage is cleared: faults undone, namespaces deleted, the release removed.
 */
import { after, afterEach, before, type TestContext } from "node:test";
import { type Images, provideImages } from "./images.test-kit.ts";
import { Kube } from "./kube.test-kit.ts";
import { reachKubernetes, undoAll } from "./lab.test-kit.ts";
import { Operator } from "./operator.test-kit.ts";
import { Shell, type ShellPlace } from "./pods.test-kit.ts";
import { keepLogs, type Measure, measure, type Teller } from "./report.test-kit.ts";
import { Store } from "./store.test-kit.ts";

/** Paid by a file that is run alone: `make e2e` has brought up the lab and built the images. */
const OPEN_MS = 20 * 60_000;
const CLOSE_MS = 5 * 60_000;

export class Stage {
  readonly area: string;
  readonly kube: Kube;
  readonly images: Images;
  readonly operator: Operator;
  /** Namespace of the file's KVClusters, under the restricted pod security standard. */
  readonly namespace: string;
  readonly #namespaces: string[] = [];

  private constructor(kube: Kube, operator: Operator, area: string) {
    this.area = area;
    this.kube = kube;
    this.images = operator.images;
    this.namespace = `e2e-${area}`;
    this.operator = operator;
  }

  static async open(area: string, operatorNamespace = `e2e-${area}-operator`): Promise<Stage> {
    await reachKubernetes();
    const kube = await Kube.connect();
    try {
      const operator = new Operator(kube, operatorNamespace, await provideImages(kube));
      const stage = new Stage(kube, operator, area);
      await stage.#clearOperator();
      await stage.makeNamespace(stage.namespace);
      return stage;
    } catch (error) {
      // Its process would keep the file from ending.
      kube.close();
      throw error;
    }
  }

  async makeNamespace(name: string): Promise<void> {
    await removeNamespace(this.kube, name);
    this.#namespaces.push(name);
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await this.kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  }

  store(name: string): Store {
    return new Store(this.kube, this.namespace, name);
  }

  /** A pod of an application, with a token for the store. */
  async startShell(store: Store, name: string, more: Partial<ShellPlace> = {}): Promise<Shell> {
    const { namespace, audience, url } = store;
    const image = this.images.node;
    const place = { namespace, name, serviceAccount: "load", audience, image, url, ...more };
    return await Shell.start(this.kube, place);
  }

  measure(teller: Teller, figures: Measure["figures"]): void {
    measure(teller, this.area, figures);
  }

  async keepLogs(): Promise<string> {
    return await keepLogs(this.kube, this.area, [...this.#namespaces, this.operator.namespace]);
  }

  async close(): Promise<void> {
    try {
      await undoAll();
      // The operator goes last: it is what lets KVClusters go in order.
      for (const name of this.#namespaces) await removeNamespace(this.kube, name);
      await this.#clearOperator();
      await this.operator.forgetDefinition();
    } finally {
      // Its process would keep the file from ending.
      this.kube.close();
    }
  }

  /** Also what a run that was cut short has left. */
  async #clearOperator(): Promise<void> {
    const { namespace } = this.operator;
    if ((await this.kube.find(`/api/v1/namespaces/${namespace}`)) === null) return;
    await this.operator.removeRelease();
    await removeNamespace(this.kube, namespace);
    await this.operator.forgetRights();
  }
}

async function removeNamespace(kube: Kube, name: string): Promise<void> {
  if ((await kube.find(`/api/v1/namespaces/${name}`)) === null) return;
  await kube.kubectl(["delete", "namespace", name, "--timeout=180s"], { timeoutMs: 200_000 });
}

export interface StageOptions {
  /** false: the file installs the operator itself. */
  readonly withOperator?: boolean;
  /** Left out: one of the file's own. */
  readonly operatorNamespace?: string;
  /** What all tests of the file begin with. */
  readonly prepare?: (stage: Stage) => Promise<void>;
}

/**
 * Sets the stage for all tests of a file and clears it afterwards; keeps logs of what failed.
 * @returns how to get at it
 */
export function setStage(area: string, options: StageOptions = {}): () => Stage {
  let opened: Stage | null = null;
  let stage: Stage | null = null;
  // One hook: node:test does not wait for one before it starts the next.
  before(
    async () => {
      opened = await Stage.open(area, options.operatorNamespace);
      await prepareOrTell(opened, options);
      stage = opened;
    },
    { timeout: OPEN_MS },
  );
  afterEach(async (context) => {
    if (stage === null || !hasFailed(context)) return;
    console.log(`logs of the failure: ${await stage.keepLogs()}`);
    await undoAll();
  });
  after(() => opened?.close(), { timeout: CLOSE_MS });
  return () => {
    if (stage === null) throw new Error(`the stage of ${area} could not be set`);
    return stage;
  };
}

async function prepareOrTell(stage: Stage, options: StageOptions): Promise<void> {
  const { withOperator = true, prepare = (): Promise<void> => Promise.resolve() } = options;
  // It leaves the KVClusters of whoever else uses this Kubernetes alone.
  const only = ["--set", `watchNamespaces={${stage.namespace}}`];
  try {
    if (withOperator) await stage.operator.install(only);
    await prepare(stage);
  } catch (error) {
    console.log(`logs of the failure: ${await stage.keepLogs()}`);
    throw error;
  }
}

const hasFailed = (context: unknown): boolean =>
  (context as TestContext & { readonly passed?: boolean }).passed === false;
