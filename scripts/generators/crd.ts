/** Makes crds/kvclusters.kvcluster.io.yaml from the schema of the resource. */
import { stringify } from "yaml";
import { kvClusterCrd } from "../../operator/src/model/index.ts";
import type { Generator } from "../generator.ts";

const origin = "# Made by scripts/generators/crd.ts from operator/src/model/api. Do not edit.\n";

export const generator: Generator = {
  name: "crd",
  generate: () => [
    {
      path: "crds/kvclusters.kvcluster.io.yaml",
      content: origin + stringify(kvClusterCrd, { lineWidth: 100, aliasDuplicateObjects: false }),
    },
  ],
};
