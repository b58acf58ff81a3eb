/** ConfigMap NAME-dashboard: a dashboard of Grafana for one KVCluster, found by its sidecar. */
import type { JsonObject } from "../../api/json.ts";
import type { KVCluster } from "../../api/types.ts";
import { childNames } from "../../names.ts";
import type { KubeObject } from "../../observed.ts";
import { childMetadata } from "../child-metadata.ts";
import { dashboardRows, type Panel, type Row } from "./panels.ts";
import { seriesOf, titleOf } from "./series.ts";

/** The label that Grafana's sidecar looks for by default. */
const sidecarLabel = { grafana_dashboard: "1" };

const datasource = { type: "prometheus", uid: "$datasource" };

/** Grafana's grid has 24 columns. */
const gridWidth = 24;
const panelHeight = { stat: 4, timeseries: 8 } as const;

const grafanaPanel = (panel: Panel, place: JsonObject): JsonObject => ({
  type: panel.type,
  title: panel.title,
  description: panel.meaning,
  datasource,
  gridPos: place,
  fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
  options:
    panel.type === "stat"
      ? { reduceOptions: { calcs: ["lastNotNull"] }, textMode: "value_and_name" }
      : { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
  targets: panel.queries.map(({ expression, legend }, i) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + i),
    datasource,
    expr: expression,
    legendFormat: legend,
  })),
});

/** A title and below it the row's panels side by side. */
function placeRow(row: Row, y: number): { readonly panels: JsonObject[]; readonly below: number } {
  const w = Math.floor(gridWidth / Math.min(row.panels.length, 4));
  const h = Math.max(...row.panels.map(({ type }) => panelHeight[type]));
  const title: JsonObject = {
    type: "row",
    title: row.title,
    collapsed: false,
    gridPos: { x: 0, y, w: gridWidth, h: 1 },
  };
  const panels = row.panels.map((panel, i) => grafanaPanel(panel, { x: i * w, y: y + 1, w, h }));
  return { panels: [title, ...panels], below: y + 1 + h };
}

/** The dashboard itself, as Grafana imports it. */
export function grafanaDashboard(cluster: KVCluster): JsonObject {
  const panels: JsonObject[] = [];
  let y = 0;
  for (const row of dashboardRows(seriesOf(cluster))) {
    const placed = placeRow(row, y);
    panels.push(...placed.panels);
    y = placed.below;
  }
  return {
    uid: cluster.metadata.uid,
    title: `KVCluster ${titleOf(cluster)}`,
    tags: ["kvcluster"],
    schemaVersion: 39,
    editable: false,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [{ name: "datasource", label: "Data source", type: "datasource", query: "prometheus" }],
    },
    panels: panels.map((panel, i) => ({ id: i + 1, ...panel })),
  };
}

export const buildDashboard = (cluster: KVCluster): KubeObject => {
  const { namespace, name } = cluster.metadata;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: childMetadata(cluster, childNames(name).dashboard, {
      labels: { ...cluster.spec.monitoring.dashboard.labels, ...sidecarLabel },
    }),
    // The sidecar puts the files of all namespaces into one folder.
    data: { [`kvcluster-${namespace}-${name}.json`]: JSON.stringify(grafanaDashboard(cluster)) },
  };
};
