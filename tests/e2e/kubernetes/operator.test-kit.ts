/** The operator as a platform engineer installs it, and what a test does to it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Images } from "./images.test-kit.ts";
import {
  describePod,
  isReady,
  type Kube,
  type KubeItem,
  mustRun,
  type Pod,
} from "./kube.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
const chart = join(root, "charts/kvcluster-operator");
const READY_MS = 120_000;
export const RELEASE = "kvcluster-operator";
const SELECTOR = `app.kubernetes.io/instance=${RELEASE}`;
const DEFINITION =
  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/kvclusters.kvcluster.io";

/** repository and tag of `docker.io/kvcluster/node:1`. */
function splitImage(image: string): readonly [string, string] {
  const at = image.lastIndexOf(":");
  return [image.slice(0, at), image.slice(at + 1)];
}

export class Operator {
  readonly #kube: Kube;
  readonly namespace: string;
  readonly images: Images;
  /** The definition was there before: it is not ours to remove. */
  #hadDefinition = true;

  constructor(kube: Kube, namespace: string, images: Images) {
    this.#kube = kube;
    this.namespace = namespace;
    this.images = images;
  }

  /** `helm install`, until both replicas are ready. `values` as helm's flags. */
  async install(values: readonly string[] = []): Promise<void> {
    const definition = (await this.noteDefinition()) ? ["--set", "crds.create=false"] : [];
    await this.#helm("install", [...values, ...definition, "--create-namespace"]);
    await this.isReady();
  }

  /** Before an installation: whether the definition is there already. */
  async noteDefinition(): Promise<boolean> {
    this.#hadDefinition = (await this.#kube.find(DEFINITION)) !== null;
    return this.#hadDefinition;
  }

  async upgrade(values: readonly string[] = []): Promise<void> {
    await this.#helm("upgrade", ["--reuse-values", ...values]);
    await this.isReady();
  }

  async #helm(verb: "install" | "upgrade", more: readonly string[]): Promise<void> {
    const [repository, tag] = splitImage(this.images.operator);
    const [nodeRepository, nodeTag] = splitImage(this.images.node);
    const ours = [
      `image.repository=${repository}`,
      `image.tag=${tag}`,
      `nodeImage.repository=${nodeRepository}`,
      `nodeImage.tag=${nodeTag}`,
    ];
    const set = ours.flatMap((value) => ["--set", value]);
    await mustRun("helm", [verb, RELEASE, chart, "-n", this.namespace, ...set, ...more]);
  }

  async uninstall(): Promise<void> {
    await this.removeRelease();
    await this.isReady(0);
  }

  /** Nothing to do where it was applied as a manifest, or a run ended before it installed. */
  async removeRelease(): Promise<void> {
    const flags = ["-n", this.namespace, "--wait", "--ignore-not-found"];
    await mustRun("helm", ["uninstall", RELEASE, ...flags]);
  }

  /** Takes away what an installation left that is in no namespace, but the definition. */
  async forgetRights(): Promise<void> {
    const kinds = "clusterroles,clusterrolebindings";
    await this.#kube.kubectl(["delete", kinds, "-l", `${SELECTOR}`]);
  }

  /** Removes the definition that came with it, and so every KVCluster; leaves others' alone. */
  async forgetDefinition(): Promise<void> {
    if (this.#hadDefinition) return;
    const found = await this.#kube.find(DEFINITION);
    if (found === null) return;
    await this.#kube.kubectl(["delete", "crd", "kvclusters.kvcluster.io", "--timeout=60s"]);
  }

  async pods(): Promise<readonly Pod[]> {
    return await this.#kube.pods(this.namespace, SELECTOR);
  }

  async isReady(replicas = 2): Promise<void> {
    await becomes(
      `${replicas} operator pods are ready`,
      async () => {
        const pods = await this.pods();
        const isUp = pods.length === replicas && pods.every(isReady);
        return isUp || new NotYet(pods.map(describePod).join(", ") || "no pods");
      },
      { withinMs: READY_MS },
    );
  }

  /** Without grace, both at once: nobody hands anything over. The Deployment makes new ones. */
  async kill(): Promise<void> {
    const names = (await this.pods()).map(({ metadata }) => metadata.name);
    assert.ok(names.length > 0, "there is no operator to kill");
    const force = ["--grace-period=0", "--force", "--wait=false"];
    await this.#kube.kubectl(["-n", this.namespace, "delete", "pod", ...names, ...force]);
  }

  /** 0 takes it away altogether. */
  async scale(replicas: number): Promise<void> {
    const deployment = (await this.#deployments())[0] ?? assert.fail("no Deployment");
    const { name } = deployment.metadata;
    const flags = [`deployment/${name}`, `--replicas=${replicas}`];
    await this.#kube.kubectl(["-n", this.namespace, "scale", ...flags]);
    await this.isReady(replicas);
  }

  #deployments(): Promise<readonly KubeItem[]> {
    const query = `?labelSelector=${encodeURIComponent(SELECTOR)}`;
    return this.#kube.list(`/apis/apps/v1/namespaces/${this.namespace}/deployments${query}`);
  }

  /** All metrics pages of its pods. */
  async metrics(): Promise<readonly string[]> {
    const pods = (await this.pods()).filter(isReady);
    const ask = (pod: Pod): Promise<string> =>
      this.#kube.fromPod(
        { namespace: this.namespace, name: pod.metadata.name, port: METRICS_PORT },
        "/metrics",
      );
    return await Promise.all(pods.map(ask));
  }
}

const METRICS_PORT = 8_080;
