/** ServiceAccount of the nodes. It may do nothing, and its token is in no pod. */
import { childNames } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";

export const buildServiceAccount = ({ cluster }: DesiredInputs): KubeObject => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).serviceAccount),
  automountServiceAccountToken: false,
});
