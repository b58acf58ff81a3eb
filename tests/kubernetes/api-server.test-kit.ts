/** The API server with our CRD, a namespace of the test's own, and what it says to KVClusters. */
import { join } from "node:path";
import { after, before } from "node:test";
import type { Json, JsonObject } from "../../operator/src/model/index.ts";
import { Kube } from "../e2e/kubernetes/kube.test-kit.ts";
import { reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import { isEstablished } from "../e2e/kubernetes/waiting.test-kit.ts";

const root = join(import.meta.dirname, "../..");
export const crdFile: string = join(root, "crds/kvclusters.kvcluster.io.yaml");
const DEFINITION =
  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/kvclusters.kvcluster.io";
export const sampleFile: string = join(root, "manifests/samples/kvcluster.yaml");

export interface Cause {
  readonly field: string;
  readonly message: string;
}

export type Answer =
  | { readonly type: "accepted"; readonly object: JsonObject }
  | { readonly type: "refused"; readonly causes: readonly Cause[]; readonly message: string };

interface Request {
  readonly method: "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly body: JsonObject;
}

export class ApiServer {
  readonly namespace: string;
  readonly kube: Kube;
  readonly #hadDefinition: boolean;

  private constructor(kube: Kube, namespace: string, hadDefinition: boolean) {
    this.kube = kube;
    this.namespace = namespace;
    this.#hadDefinition = hadDefinition;
  }

  static async arrive(purpose: string): Promise<ApiServer> {
    await reachKubernetes();
    const kube = await Kube.connect();
    const namespace = `kvtest-${purpose}-${process.pid}`;
    const hadDefinition = (await kube.find(DEFINITION)) !== null;
    const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=kvcluster-crd"];
    await kube.kubectl([...apply, "-f", crdFile]);
    await isEstablished(crdFile, () => kube.get(DEFINITION));
    await kube.kubectl(["create", "namespace", namespace]);
    return new ApiServer(kube, namespace, hadDefinition);
  }

  /** A definition that was there stays: others may have KVClusters. */
  async leave(): Promise<void> {
    await this.kube.kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
    if (!this.#hadDefinition) await this.kube.kubectl(["delete", "-f", crdFile, "--timeout=60s"]);
    this.kube.close();
  }

  pathOf(name = ""): string {
    const all = `/apis/kvcluster.io/v1alpha1/namespaces/${this.namespace}/kvclusters`;
    return name === "" ? all : `${all}/${name}`;
  }

  /** What the API server makes of an object, which is not kept. */
  tryCreate(spec: Json, name = "store"): Promise<Answer> {
    const body = this.object(name, spec);
    return this.#ask({ method: "POST", path: `${this.pathOf()}?dryRun=All`, body });
  }

  create(spec: Json, name: string): Promise<Answer> {
    return this.#ask({ method: "POST", path: this.pathOf(), body: this.object(name, spec) });
  }

  /** A merge patch, which is not kept. */
  tryPatch(name: string, body: JsonObject): Promise<Answer> {
    return this.#ask({ method: "PATCH", path: `${this.pathOf(name)}?dryRun=All`, body });
  }

  /** A merge patch. */
  patch(name: string, body: JsonObject): Promise<Answer> {
    return this.#ask({ method: "PATCH", path: this.pathOf(name), body });
  }

  object(name: string, spec: Json): JsonObject {
    const metadata = { name, namespace: this.namespace };
    return { apiVersion: "kvcluster.io/v1alpha1", kind: "KVCluster", metadata, spec };
  }

  async #ask({ method, path, body }: Request): Promise<Answer> {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const strict = `${path}${path.includes("?") ? "&" : "?"}fieldValidation=Strict`;
    const init = { method, headers: { "content-type": type }, body: JSON.stringify(body) };
    const answer = await this.kube.send(strict, init);
    const said = JSON.parse(answer.body);
    if (answer.status < 300) return { type: "accepted", object: said };
    return { type: "refused", causes: said.details?.causes ?? [], message: said.message };
  }
}

/** Sets the stage before the tests of a file and clears it afterwards. */
export function atApiServer(purpose: string): () => ApiServer {
  let server: ApiServer | undefined;
  before(async () => {
    server = await ApiServer.arrive(purpose);
  });
  after(() => server?.leave());
  return () => {
    if (server === undefined) throw new Error("the stage is set in before()");
    return server;
  };
}
