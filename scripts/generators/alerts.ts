/** Makes docs/reference/alerts.md from the alerts that the operator and its chart hand out. */
import {
  type Alert,
  clusterAlerts,
  decodeKVCluster,
  type KVCluster,
  operatorAlerts,
  runbookOf,
} from "../../operator/src/model/index.ts";
import type { Generator } from "../generator.ts";

/** With every default; its name and namespace stand for yours. */
function example(): KVCluster {
  const decoded = decodeKVCluster({
    metadata: {
      name: "NAME",
      namespace: "NAMESPACE",
      uid: "",
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: "",
    },
    spec: {},
  });
  if (decoded.type === "fault") throw new Error(decoded.why);
  return decoded.cluster;
}

const withoutTemplates = (text: string): string =>
  text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, "`$1`");

const row = ({ name, severity, after, summary }: Alert): string =>
  `| [${name}](../${runbookOf(name).replace(/^docs\//, "")}) | ${severity} | ${after} | ` +
  `${withoutTemplates(summary)} |`;

const table = (alerts: readonly Alert[]): string => `| Alert and runbook | Severity | After | Says |
| --- | --- | --- | --- |
${alerts.map(row).join("\n")}
`;

const expressions = (alerts: readonly Alert[]): string =>
  alerts.map(({ name, expression }) => `# ${name}\n${expression}\n`).join("\n");

const origin =
  "<!-- Made by scripts/generators/alerts.ts from operator/src/model. Do not edit. -->";

function page(): string {
  const own = Object.values(clusterAlerts(example())).flat();
  return `${origin}

# Alerts

A KVCluster has a PrometheusRule with the alerts below as soon as the API server knows that kind
(\`spec.monitoring.prometheusRule\`); with \`replicas: 0\` it has none. \`critical\`: the store does
not serve, or is about to lose something. "After": the state must last that long. Every series
carries the label \`kvcluster\` with the KVCluster's name, given by its ServiceMonitor.

${table(own)}
The chart of the operator brings its own with \`monitoring.prometheusRule.enabled=true\`:

${table(operatorAlerts)}
## Expressions

For a KVCluster with the defaults; "lagging" follows from \`spec.raft.entriesKept\`.

\`\`\`promql
${expressions([...own, ...operatorAlerts])}\`\`\`
`;
}

export const generator: Generator = {
  name: "alerts",
  generate: () => [{ path: "docs/reference/alerts.md", content: page() }],
};
