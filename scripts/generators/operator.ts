/** Makes docs/reference/operator.md from the tables of the operator's settings and metrics. */
import {
  metricTable,
  type OperatorMetricDoc,
  settingsTable,
} from "../../operator/src/controller/index.ts";
import type { Generator } from "../generator.ts";

type SettingDoc = (typeof settingsTable)[keyof typeof settingsTable];

function settingRow({ env, flag, default: fallback, meaning }: SettingDoc): string {
  const shown = fallback === null ? "must be given" : fallback === "" ? "empty" : `\`${fallback}\``;
  return `| \`${env}\` | \`--${flag}\` | ${shown} | ${meaning} |`;
}

function metricRow({ name, type, labels, meaning }: OperatorMetricDoc): string {
  const named = labels.map((label) => `\`${label}\``).join(" ");
  return `| \`${name}\` | ${type} | ${named} | ${meaning} |`;
}

const page = (): string => `<!-- Made by scripts/generators/operator.ts. Do not edit. -->

# The operator's process

## Settings

A flag wins over the environment variable, and that over the default. Unknown flags and values that
are not understood end the process with exit code 2 and say what was wanted. The chart sets them
from its values. Outside of a pod, \`KUBECONFIG\` names the cluster to speak to.

| Variable | Flag | Default | Meaning |
|---|---|---|---|
${Object.values(settingsTable).map(settingRow).join("\n")}

## Probes

One port serves \`/livez\` (a pass that does not end in ten minutes fails it), \`/readyz\`
(everything was listed, and every watch has heard from the API server within five minutes; a
standby is ready, too), \`/startupz\` (everything was listed) and \`/metrics\`.

## Exit codes

| Code | Meaning |
|---|---|
| 0 | Stopped by SIGTERM or SIGINT: passes under way have ended, the Lease is given back |
| 1 | A defect, or an API server that refuses what the operator needs: the log's last line says |
| 2 | Settings, kubeconfig or the CRD are refused (the CRD is absent, or older than the operator) |
| 3 | The Lease was lost: another process acts now |

## Metrics

| Name | Type | Labels | Meaning |
|---|---|---|---|
${Object.values(metricTable).map(metricRow).join("\n")}

The standard metrics \`process_*\` and \`nodejs_*\` of prom-client are on the same page.
`;

export const generator: Generator = {
  name: "operator",
  generate: () => [{ path: "docs/reference/operator.md", content: page() }],
};
