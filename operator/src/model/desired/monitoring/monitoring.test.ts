/** Rules, runbooks, dashboard and metrics are held together. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { metricGroups } from "../../../../../node/src/api/metrics/index.ts";
import { metricTable } from "../../../controller/metric-table.ts";
import { isJsonObject, type Json, type JsonObject } from "../../api/json.ts";
import { clusterWith } from "../desired.test-kit.ts";
import { runbookOf } from "./alert.ts";
import { consensusAlerts } from "./consensus-alerts.ts";
import { buildDashboard, grafanaDashboard } from "./dashboard.ts";
import { operatorAlerts } from "./operator-alerts.ts";
import { buildPrometheusRule, clusterAlerts } from "./prometheus-rule.ts";
import { buildServiceMonitor } from "./service-monitor.ts";

const root = join(import.meta.dirname, "../../../../..");
const cluster = clusterWith();
const ownAlerts = Object.values(clusterAlerts(cluster)).flat();
const alerts = [...ownAlerts, ...operatorAlerts];

const docs = [...metricGroups.flatMap(({ metrics }) => metrics), ...Object.values(metricTable)];
/** Names of series: a histogram has three. */
const known = new Map(
  docs.flatMap(({ name, type, labels }) =>
    (type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]).map(
      (suffix) => [name + suffix, labels] as const,
    ),
  ),
);

const metricsIn = (expression: string): string[] => expression.match(/\bkvcluster_\w+/g) ?? [];

/** Matchers `metric{…}` → names of labels matched. */
const matchersIn = (expression: string): [string, string[]][] =>
  [...expression.matchAll(/\b(kvcluster_\w+|up)\{([^}]*)\}/g)].map(
    ([, metric = "", inner = ""]) => [
      metric,
      [...inner.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = ""]) => label),
    ],
  );

test("alerts ask only for metrics and labels that nodes and operator export", () => {
  for (const { name, expression } of alerts) {
    const metrics = metricsIn(expression);
    assert.ok(metrics.length > 0 || name === "KVClusterAbsent", name);
    for (const metric of metrics) assert.ok(known.has(metric), `${name}: ${metric}`);
    for (const [metric, labels] of matchersIn(expression)) {
      const own = [...(known.get(metric) ?? []), "namespace", "kvcluster"];
      for (const label of labels) assert.ok(own.includes(label), `${name}: ${metric} ${label}`);
    }
  }
});

test("the alerts of a KVCluster look at its own series only", () => {
  for (const { name, expression } of ownAlerts) {
    const own = expression.match(/\{namespace="shop",kvcluster="store"[,}]/g) ?? [];
    const series = expression.match(/\b(kvcluster_\w+|up)\b(?=[{[ ])/g) ?? [];
    assert.equal(own.length, series.length, `${name}: ${expression}`);
    assert.ok(own.length > 0);
  }
});

test("labels that an alert speaks of survive its expression", () => {
  const aggregated = (expression: string): string[] | null => {
    const by = [...expression.matchAll(/by \(([^)]*)\)/g)].map(([, labels = ""]) => labels);
    return by.length === 0 ? null : (by[0]?.split(/, /) ?? []);
  };
  for (const { name, expression, summary, description } of alerts) {
    const spoken = [...`${summary} ${description}`.matchAll(/\$labels\.(\w+)/g)];
    const kept = aggregated(expression);
    for (const [, label = ""] of spoken) {
      const survives =
        kept === null ? !/^(sum|max|count)\(/.test(expression) : kept.includes(label);
      assert.ok(survives, `${name} speaks of ${label}, which ${expression} has not`);
    }
  }
});

test("every alert has a severity, a summary, a description and a runbook, and its own name", () => {
  assert.equal(new Set(alerts.map(({ name }) => name)).size, alerts.length);
  for (const { name, severity, summary, description, after } of alerts) {
    assert.match(name, /^KVCluster[A-Z][A-Za-z]+$/);
    assert.ok(["critical", "warning"].includes(severity));
    assert.match(summary, /^\S.{10,100}\.$/, name);
    assert.match(description, /\.$/, name);
    assert.match(after, /^\d+[smh]$/);
  }
});

test("alerts and runbooks are the same, and a runbook leads from meaning to mitigation", () => {
  const files = readdirSync(join(root, "docs/operations/runbooks"));
  assert.deepEqual(
    files.map((file) => `docs/operations/runbooks/${file}`).sort(),
    alerts.map(({ name }) => runbookOf(name)).sort(),
  );
  for (const { name, severity } of alerts) {
    const text = readFileSync(join(root, runbookOf(name)), "utf8");
    assert.ok(text.startsWith(`# ${name}\n\nSeverity: ${severity}.\n`), name);
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(headings, ["Meaning", "Impact", "Diagnosis", "Mitigation"], name);
    assert.match(text, /```sh\n[^`]*kubectl /, `${name} has no command`);
  }
});

const series = (value: Json | undefined): string[] => {
  if (typeof value === "string") return metricsIn(value);
  if (Array.isArray(value)) return value.flatMap((item: Json) => series(item));
  return isJsonObject(value) ? Object.values(value).flatMap(series) : [];
};

const panelsOf = (dashboard: JsonObject): JsonObject[] =>
  (Array.isArray(dashboard["panels"]) ? dashboard["panels"] : []).filter(isJsonObject);

test("the dashboard asks only for metrics that nodes export, and for one KVCluster", () => {
  const dashboard = grafanaDashboard(cluster);
  assert.equal(dashboard["title"], "KVCluster shop/store");
  const asked = series(dashboard);
  assert.ok(asked.length >= 20);
  for (const metric of asked) assert.ok(known.has(metric), metric);
});

test("no two panels of the dashboard overlap, and each fits the grid", () => {
  const cells = new Set<string>();
  const panels = panelsOf(grafanaDashboard(cluster));
  assert.ok(panels.length >= 20);
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { gridPos, title } of panels) {
    const { x, y, w, h } = gridPos as Record<"x" | "y" | "w" | "h", number>;
    assert.ok(x >= 0 && x + w <= 24, `${title}`);
    for (let cx = x; cx < x + w; cx++) {
      for (let cy = y; cy < y + h; cy++) {
        assert.ok(!cells.has(`${cx} ${cy}`), `${title} lies on another panel`);
        cells.add(`${cx} ${cy}`);
      }
    }
  }
});

test("labels of the spec reach the monitors, ours win", () => {
  const labelled = clusterWith({
    monitoring: {
      serviceMonitor: { labels: { release: "prometheus" }, interval: "15s" },
      prometheusRule: { labels: { release: "prometheus" } },
      dashboard: { enabled: true, labels: { grafana_dashboard: "no", team: "x" } },
    },
  });
  const [monitor, rule, board] = [
    buildServiceMonitor(labelled),
    buildPrometheusRule(labelled),
    buildDashboard(labelled),
  ];
  assert.equal(monitor.metadata.labels?.["release"], "prometheus");
  assert.equal(rule.metadata.labels?.["release"], "prometheus");
  assert.deepEqual(
    [board.metadata.labels?.["grafana_dashboard"], board.metadata.labels?.["team"]],
    ["1", "x"],
  );
  assert.match(JSON.stringify(monitor["spec"]), /"interval":"15s"/);
});

test("the lag that is too much follows from the log that is kept", () => {
  const lagOf = (entriesKept: number): string =>
    consensusAlerts(clusterWith({ raft: { entriesKept } })).find(
      ({ name }) => name === "KVClusterMemberLagging",
    )?.expression ?? "";
  assert.match(lagOf(10_000), /> 5000\)/);
  assert.match(lagOf(100), /> 1000\)/);
});

test("a KVCluster that is to have no nodes has no alerts", () => {
  assert.deepEqual(buildPrometheusRule(clusterWith({ replicas: 0 }))["spec"], { groups: [] });
});
