/** ConfigMap NAME-config: `node.yaml`. The pod template carries its hash: a change rolls. */
import { childNames } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";
import { nodeConfigText } from "./node-config.ts";

export const buildConfigMap = ({ cluster, issuer }: DesiredInputs): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).configMap),
  data: { "node.yaml": nodeConfigText(cluster, issuer) },
});
