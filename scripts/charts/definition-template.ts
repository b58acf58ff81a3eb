/**
 * The CustomResourceDefinition as a template of the operator's chart: made on request
 * (`crds.create`), upgraded with the release, and kept when the release is uninstalled, because
 * deleting a definition deletes every resource of its kind.
 */
import { parse, stringify } from "yaml";

export interface Definition {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** One line of a label map, replaced by the chart's own labels once the rest is text. */
const LABELS = "CHART_LABELS";

export function parseDefinition(text: string): Definition {
  const definition: Definition | null = parse(text);
  if (definition === null || typeof definition.metadata?.name !== "string") {
    throw new Error("the CustomResourceDefinition has no metadata.name");
  }
  return definition;
}

/** @param text the definition as YAML */
export function definitionTemplate(text: string): string {
  const { metadata, ...rest } = parseDefinition(text);
  const { apiVersion, kind, ...body } = rest;
  const made = {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, "helm.sh/resource-policy": "keep" },
      labels: { ...metadata.labels, [LABELS]: "" },
    },
    ...body,
  };
  const yaml = stringify(made, { lineWidth: 0, aliasDuplicateObjects: false })
    .replaceAll("{{", '{{ "{{" }}')
    .replace(
      `    ${LABELS}: ""\n`,
      '    {{- include "kvcluster-operator.labels" . | nindent 4 }}\n',
    );
  return `{{- /* Made by scripts/generators/charts.ts from the schema. Do not edit. */ -}}
{{- if .Values.crds.create }}
${yaml}{{- end }}
`;
}
