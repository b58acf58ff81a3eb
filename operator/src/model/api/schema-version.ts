/**
 * The version of the schema that this operator was made with, and whether the CRD that the API
 * server has is good enough for it. Raised with each change of the schema; a newer CRD is fine,
 * for within one API version fields are only added.
 */

/** Annotation of the CRD. */
export const schemaVersionAnnotation = "kvcluster.io/schema-version";

export const schemaVersion = 1;

/** `code` is stable; `message` says what to do. */
export interface SchemaFault {
  readonly code: "CRD_OLD" | "CRD_UNVERSIONED";
  readonly message: string;
}

const remedy =
  "apply the CRD that belongs to this operator (crds/kvclusters.kvcluster.io.yaml, or the " +
  "chart with crds.create=true), then the operator starts; clusters keep serving meanwhile";

/** Judges the annotations of the live CRD; null when this operator may work with it. */
export function judgeSchemaVersion(
  annotations: Readonly<Record<string, string>> | undefined,
  needed: number = schemaVersion,
): SchemaFault | null {
  const live = annotations?.[schemaVersionAnnotation];
  if (live === undefined || !/^[1-9]\d{0,8}$/.test(live)) {
    const what = live === undefined ? "no annotation" : `"${live}" in the annotation`;
    return {
      code: "CRD_UNVERSIONED",
      message:
        `The CRD kvclusters.kvcluster.io has ${what} ${schemaVersionAnnotation}, and this ` +
        `operator needs ${needed} or more: ${remedy}.`,
    };
  }
  if (Number(live) >= needed) return null;
  return {
    code: "CRD_OLD",
    message:
      `The CRD kvclusters.kvcluster.io has schema version ${live}, and this operator needs ` +
      `${needed} or more: ${remedy}.`,
  };
}
