/** Whether the API server has our CRD, and one that this operator may work with. */
import { judgeSchemaVersion, type SchemaFault } from "../model/index.ts";
import type { KubeConnection } from "./connection.ts";
import { at, isRecord } from "./decode-json.ts";
import { isKubeError } from "./kube-error.ts";

/** `CRD_ABSENT`, or as the schema's own judgement; `message` says what to do. */
export interface CrdFault {
  readonly code: SchemaFault["code"] | "CRD_ABSENT";
  readonly message: string;
}

const NAME = "kvclusters.kvcluster.io";
const PATH = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${NAME}`;

/** Null when all is well. @throws KubeError when the API server does not tell */
export async function checkCrd(connection: KubeConnection): Promise<CrdFault | null> {
  try {
    const crd = await connection.request({ method: "GET", path: PATH });
    const annotations = at(crd, "metadata", "annotations");
    return judgeSchemaVersion(isRecord(annotations) ? texts(annotations) : undefined);
  } catch (error) {
    if (!isKubeError(error, "notFound")) throw error;
    const message =
      `The CRD ${NAME} does not exist: apply crds/${NAME}.yaml, or install the chart with ` +
      "crds.create=true, then the operator starts.";
    return { code: "CRD_ABSENT", message };
  }
}

const texts = (annotations: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(annotations).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value]] : [],
    ),
  );
