/**
 * The alerts, by Prometheus' own tool: the rules are legal, each alert fires once on what it is
 * for, not before its time, and nothing fires on a healthy KVCluster or a rolling update.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { clusterWith } from "../../operator/src/model/desired/desired.test-kit.ts";
import {
  clusterRuleGroups,
  type Json,
  operatorAlerts,
  operatorRuleGroups,
} from "../../operator/src/model/index.ts";
import { mustRun, run } from "../e2e/kubernetes/kube.test-kit.ts";
import {
  fourOfFive,
  healthy,
  healthyOperator,
  healthySingle,
  operatorScenarios,
  rolling,
  type Scenario,
  type SeriesMap,
  scenarios,
} from "./alert-scenarios.test-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "kvcluster-alerts-"));
after(() => rmSync(folder, { recursive: true }));

/** JSON is YAML. */
function write(name: string, content: Json): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const groups = clusterRuleGroups(clusterWith());
const rules = write("cluster.json", { groups });
const operatorRules = write("operator.json", { groups: operatorRuleGroups });

const namesIn = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/"alert":"(\w+)"/g)].map(([, name = ""]) => name);

/** Needs promtool: package `prometheus` of Debian, which `lab install` brings. */
const promtool = (...args: readonly string[]): Promise<string> => mustRun("promtool", args);

interface Expectation {
  readonly minute: number;
  readonly firing: readonly string[];
}

const unitTest = (series: SeriesMap, expected: readonly Expectation[]): Json => ({
  interval: "1m",
  input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
  promql_expr_test: expected.map(({ minute, firing }) => ({
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: `${minute}m`,
    exp_samples: [...firing].sort().map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
  })),
});

const testFile = (ruleFile: string, tests: readonly Json[]): Json => ({
  rule_files: [ruleFile],
  evaluation_interval: "1m",
  tests,
});

function illSeries(well: SeriesMap, { ill }: Scenario): SeriesMap {
  const laid = Object.entries({ ...well, ...ill });
  return Object.fromEntries(laid.flatMap(([name, values]) => (values ? [[name, values]] : [])));
}

async function assertFires(ruleFile: string, well: SeriesMap, scenario: Scenario): Promise<void> {
  const { alert, quietAt, firesAt } = scenario;
  const expected = [
    { minute: quietAt, firing: [] },
    { minute: firesAt, firing: [alert] },
  ];
  const file = write(
    `${alert}.json`,
    testFile(ruleFile, [unitTest(illSeries(well, scenario), expected)]),
  );
  const { code, stdout, stderr } = await run("promtool", ["test", "rules", file]);
  assert.equal(code, 0, `${alert}:\n${stdout}${stderr}`);
}

test("promtool takes the rules", async () => {
  for (const [file, count] of [
    [rules, namesIn(groups).length],
    [operatorRules, operatorAlerts.length],
  ] as const) {
    assert.match(await promtool("check", "rules", file), new RegExp(`SUCCESS: ${count} rules`));
  }
});

test("there is a scenario for every alert", () => {
  const firing = (list: readonly Scenario[]): string[] =>
    [...new Set(list.map(({ alert }) => alert))].sort();
  assert.deepEqual(firing(scenarios), namesIn(groups).sort());
  assert.deepEqual(firing(operatorScenarios), operatorAlerts.map(({ name }) => name).sort());
});

for (const [i, scenario] of scenarios.entries()) {
  test(`${scenario.alert} fires in its time, alone (${i + 1})`, async () => {
    await assertFires(rules, healthy, scenario);
  });
}

for (const scenario of operatorScenarios) {
  test(`${scenario.alert} fires in its time, alone`, async () => {
    await assertFires(operatorRules, healthyOperator, scenario);
  });
}

test("nothing fires on a healthy store, a single node, a roll, or one of five away", async () => {
  const quiet = [5, 12, 20, 35, 59].map((minute) => ({ minute, firing: [] }));
  const well = [healthy, healthySingle, fourOfFive, rolling].map((series) =>
    unitTest(series, quiet),
  );
  await promtool("test", "rules", write("well.json", testFile(rules, well)));
  const operator = testFile(operatorRules, [unitTest(healthyOperator, quiet)]);
  await promtool("test", "rules", write("operator-well.json", operator));
});

test("a failed expectation fails: promtool is really asked", async () => {
  const wrong = unitTest(healthy, [{ minute: 5, firing: ["KVClusterNoLeader"] }]);
  const file = write("wrong.json", testFile(rules, [wrong]));
  assert.equal((await run("promtool", ["test", "rules", file])).code, 1);
});
