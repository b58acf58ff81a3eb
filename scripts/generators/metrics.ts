/** Makes docs/reference/metrics.md from the definitions of the metrics. */
import { type MetricDoc, metricGroups } from "../../node/src/api/metrics/index.ts";
import type { Generator } from "../generator.ts";

const units: Readonly<Record<MetricDoc["unit"], string>> = {
  seconds: "seconds",
  bytes: "bytes",
  entries: "entries",
  items: "count",
  boolean: "0 or 1",
  info: "1",
};

const row = ({ name, type, labels, unit, meaning }: MetricDoc): string => {
  const shown = labels.map((label) => `\`${label}\``).join(" ");
  return `| \`${name}\` | ${type} | ${shown} | ${units[unit]} | ${meaning} |`;
};

const section = (group: (typeof metricGroups)[number]): string => `## ${group.title}

| Name | Type | Labels | Unit | Meaning |
|---|---|---|---|---|
${group.metrics.map(row).join("\n")}
`;

const origin =
  "<!-- Made by scripts/generators/metrics.ts from node/src/api/metrics. Do not edit. -->";

const page = (): string => `${origin}

# Metrics

Each node serves them in the Prometheus text format on its metrics port (\`listen.metrics\`) and
under \`/metrics\` on its client port; neither needs a token. A figure that a node cannot know now
(a blank node has no keys) is absent, not zero. No label takes values from clients: \`route\` is a
route of the API, \`code\` a code of [the error table](errors.md), \`peer\` a member's name.

${metricGroups.map(section).join("\n")}
## Node.js and the operating system

The standard metrics \`process_*\` and \`nodejs_*\` of prom-client are on the same page. Worth an
alert: \`nodejs_eventloop_lag_p99_seconds\` (the loop must turn many times in an election timeout),
\`process_resident_memory_bytes\`, \`process_open_fds\` against \`process_max_fds\`.
`;

export const generator: Generator = {
  name: "metrics",
  generate: () => [{ path: "docs/reference/metrics.md", content: page() }],
};
