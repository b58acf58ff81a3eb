/**
 * Makes what the charts take from the resource's schema, the reference of the operator chart's
 * values, its alerts, and the manifests that are rendered from it.
 */
import { stringify } from "yaml";
import { operatorRuleGroups } from "../../operator/src/model/index.ts";
import { definitionTemplate } from "../charts/definition-template.ts";
import { chartManifests } from "../charts/manifests.ts";
import { valuesReference } from "../charts/values-reference.ts";
import { valuesSchema } from "../charts/values-schema.ts";
import type { GeneratedFile, Generator } from "../generator.ts";
import { generator as crd } from "./crd.ts";

/** The groups of the operator's own PrometheusRule. */
const alerts = (): string =>
  "# Made by scripts/generators/charts.ts from the operator's alerts. Do not edit.\n" +
  stringify({ groups: operatorRuleGroups }, { lineWidth: 100, aliasDuplicateObjects: false });

async function definition(): Promise<string> {
  const [file] = await crd.generate();
  if (file === undefined) throw new Error("the generator of the CRD made no file");
  return file.content;
}

export const generator: Generator = {
  name: "charts",
  generate: async () => {
    const text = await definition();
    const parts: readonly GeneratedFile[] = [
      {
        path: "charts/kvcluster-operator/templates/definition.yaml",
        content: definitionTemplate(text),
      },
      { path: "charts/kvcluster/values.schema.json", content: valuesSchema(text) },
      { path: "charts/kvcluster-operator/files/alerts.yaml", content: alerts() },
    ];
    return [
      ...parts,
      { path: "docs/reference/chart-operator.md", content: valuesReference() },
      ...chartManifests(parts),
    ];
  },
};
