/**
 * The charts by their text alone: one version with the packages, a schema that knows every value
 * and no other, and rights that name what the operator uses and nothing else.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { settingsTable } from "../../operator/src/controller/settings.ts";
import { resources } from "../../operator/src/kube/resources.ts";
import { chartHash, hashIn, manifestPaths } from "../../scripts/charts/manifests.ts";
import { readValues, valuesOf } from "../../scripts/charts/values-reference.ts";
import { assertNone, listFiles, readText } from "./source-files.test-kit.ts";

interface Chart {
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
}

const { version }: { version: string } = JSON.parse(readText("package.json"));
const charts = listFiles("charts/*/Chart.yaml").map((path): Chart => parse(readText(path)));

test("charts have the packages' version", () => {
  assert.deepEqual(charts.map(({ name }) => name).sort(), ["kvcluster", "kvcluster-operator"]);
  for (const chart of charts) {
    assert.deepEqual([chart.version, chart.appVersion], [version, version], chart.name);
  }
});

/** Places in a JSON schema where a misspelt name would pass. */
function findOpen(schema: unknown, path: string): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties, additionalProperties }: Readonly<Record<string, unknown>> = { ...schema };
  const isOpen = properties !== undefined && additionalProperties !== false;
  return [
    ...(isOpen ? [`${path} has no additionalProperties: false`] : []),
    ...Object.entries(schema).flatMap(([name, inner]) => findOpen(inner, `${path}/${name}`)),
  ];
}

test("the schemas of the charts' values leave no object open", () => {
  const paths = listFiles("charts/*/values.schema.json");
  assert.equal(paths.length, 2);
  assertNone(paths.flatMap((path) => findOpen(JSON.parse(readText(path)), path)));
  assert.equal(findOpen({ properties: { a: { properties: {} } } }, "").length, 2);
});

function leavesOf(values: unknown, prefix = ""): string[] {
  const isMap = typeof values === "object" && values !== null && !Array.isArray(values);
  const entries = isMap ? Object.entries(values) : [];
  if (entries.length === 0) return [prefix.slice(0, -1)];
  return entries.flatMap(([name, inner]) => leavesOf(inner, `${prefix}${name}.`));
}

test("each value of the operator's chart has a default and a place in the schema", () => {
  const { schema, defaults } = readValues();
  const values = [...valuesOf(schema, defaults)].filter(({ path }) => path !== "global");
  assertNone(values.flatMap((v) => (v.fallback === undefined ? [`no default: ${v.path}`] : [])));
  const known = values.map(({ path }) => path);
  const isKnown = (leaf: string): boolean => known.some((k) => `${leaf}.`.startsWith(`${k}.`));
  assertNone(leavesOf(defaults).flatMap((leaf) => (isKnown(leaf) ? [] : [`unknown: ${leaf}`])));
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
}

const manifest = readText("manifests/install.yaml");
const objects = parseAllDocuments(manifest).map((document): Rendered => document.toJS());
const isForPeople = ({ metadata }: Rendered): boolean => /-(view|edit)$/.test(metadata.name);
const rules = objects
  .filter((object) => !isForPeople(object))
  .flatMap((object) => object.rules ?? []);

test("the manifests were rendered from the chart as it is", () => {
  assert.equal(manifestPaths.length, 2);
  for (const path of manifestPaths) {
    assert.equal(hashIn(readText(path)), chartHash([]), `${path}: run \`make generate\` with helm`);
  }
});

test("the operator's rules name one kind each, no wildcard, and no Secrets in bulk", () => {
  assert.ok(rules.length > 10);
  for (const rule of rules) {
    const words = [...rule.apiGroups, ...rule.resources, ...rule.verbs];
    assert.ok(!words.some((word) => word.includes("*")), JSON.stringify(rule));
    assert.deepEqual([rule.apiGroups.length, rule.resources.length], [1, 1]);
  }
  const verbs = rules.flatMap((rule) => (rule.resources[0] === "secrets" ? rule.verbs : []));
  assert.deepEqual([...verbs].sort(), ["create", "get", "patch"]);
});

test("the operator's rules name the kinds that it reads and writes, and no others", () => {
  const used = Object.values(resources).map(
    ({ apiVersion, plural }) => `${apiVersion.replace(/\/?[^/]*$/, "")}/${plural}`,
  );
  const granted = rules.map((rule) => `${rule.apiGroups[0]}/${rule.resources[0]?.split("/")[0]}`);
  const definition = "apiextensions.k8s.io/customresourcedefinitions";
  assert.deepEqual([...new Set(granted)].sort(), [...new Set([...used, definition])].sort());
});

interface Deployment extends Rendered {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly ports: readonly { readonly containerPort: number }[];
        }[];
      };
    };
  };
}

test("the Deployment sets what the operator must be told, and nothing it does not know", () => {
  const isDeployment = (object: Rendered): object is Deployment => object.kind === "Deployment";
  const { containers, terminationGracePeriodSeconds } =
    objects.find(isDeployment)?.spec.template.spec ?? assert.fail("no Deployment");
  const [{ env, ports } = assert.fail("no container")] = containers;
  const settings = Object.values(settingsTable);
  const known = settings.map((setting) => setting.env);
  assert.deepEqual(
    env.filter(({ name }) => !known.includes(name)),
    [],
  );
  const needed = settings.filter((setting) => setting.default === null);
  for (const setting of needed) assert.ok(env.some(({ name }) => name === setting.env));
  assert.equal(env.find(({ name }) => name === "HTTP_PORT")?.value, `${ports[0]?.containerPort}`);
  const stopSeconds = Number(settingsTable.stopSeconds.default);
  assert.ok(terminationGracePeriodSeconds > stopSeconds, "passes under way end before the kill");
});
