/** The CustomResourceDefinition of KVCluster, made of the schema. */
import { apiGroup, apiVersion } from "../names.ts";
import { type JsonObject, objectIn } from "./json.ts";
import { rootStructure } from "./schema.ts";
import { schemaVersion, schemaVersionAnnotation } from "./schema-version.ts";

/** Names of the kind. */
export const resourceNames = {
  kind: "KVCluster",
  listKind: "KVClusterList",
  plural: "kvclusters",
  singular: "kvcluster",
  shortNames: ["kvc"],
} as const;

const columns: readonly JsonObject[] = [
  { name: "Ready", type: "string", jsonPath: ".status.ready" },
  { name: "Members", type: "integer", jsonPath: ".status.memberCount" },
  { name: "Leader", type: "string", jsonPath: ".status.leader" },
  { name: "Version", type: "string", jsonPath: ".status.currentVersion" },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
];

const fieldOfEveryObject = (description: string): JsonObject => ({ type: "string", description });

const schema: JsonObject = {
  ...rootStructure,
  properties: {
    apiVersion: fieldOfEveryObject(`${apiGroup}/${apiVersion}`),
    kind: fieldOfEveryObject(resourceNames.kind),
    metadata: { type: "object" },
    ...objectIn(rootStructure, "properties"),
  },
};

/** `apiextensions.k8s.io/v1`, plain JSON. */
export const kvClusterCrd: JsonObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: `${resourceNames.plural}.${apiGroup}`,
    annotations: { [schemaVersionAnnotation]: String(schemaVersion) },
  },
  spec: {
    group: apiGroup,
    names: resourceNames,
    scope: "Namespaced",
    versions: [
      {
        name: apiVersion,
        served: true,
        storage: true,
        additionalPrinterColumns: columns,
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        schema: { openAPIV3Schema: schema },
      },
    ],
  },
};
