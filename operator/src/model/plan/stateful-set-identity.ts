/**
 * Fields of a StatefulSet that the API server lets nobody change. When one must, the StatefulSet is
 * deleted without its pods and made anew; it adopts them, and as the template is the same, none
 * restarts.
 */
import { differsFrom } from "../desired/difference.ts";
import { isJsonObject } from "../desired/json.ts";
import type { KubeObject } from "../observed.ts";

const immutableFields = ["serviceName", "selector", "podManagementPolicy", "volumeClaimTemplates"];

/** The first immutable field that differs, in words; null: none. */
export function immutableDifference(intent: KubeObject, live: KubeObject): string | null {
  return differsFrom(identityOf(intent), identityOf(live));
}

function identityOf({ apiVersion, kind, metadata, spec }: KubeObject): KubeObject {
  const { name, namespace } = metadata;
  const fields = isJsonObject(spec) ? spec : {};
  return {
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec: Object.fromEntries(immutableFields.map((field) => [field, fields[field]])),
  };
}
