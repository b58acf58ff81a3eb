import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings, SettingsError } from "./settings.ts";

const env = { NODE_IMAGE: "kvcluster/node:1", POD_NAME: "operator-0", POD_NAMESPACE: "system" };

test("three settings are enough, the others have defaults", () => {
  assert.deepEqual(readSettings({ argv: [], env }), {
    watchNamespaces: [],
    nodeImage: "kvcluster/node:1",
    podName: "operator-0",
    podNamespace: "system",
    operatorLabels: { "app.kubernetes.io/name": "kvcluster-operator" },
    leaderElection: true,
    leaseName: "kvcluster-operator",
    httpPort: 8080,
    workers: 4,
    resyncSeconds: 10,
    stopSeconds: 8,
    logLevel: "info",
  });
});

test("flags win over the environment", () => {
  const settings = readSettings({
    argv: ["--watch-namespaces", "a, b,a", "--log-level=debug", "--leader-election=false"],
    env: { ...env, WATCH_NAMESPACES: "c", LOG_LEVEL: "error" },
  });
  assert.deepEqual(settings.watchNamespaces, ["a", "b"]);
  assert.equal(settings.logLevel, "debug");
  assert.equal(settings.leaderElection, false);
});

test("every setting at fault is named, with what would be right", () => {
  const wrong = {
    ...env,
    HTTP_PORT: "80800",
    WORKERS: "0",
    OPERATOR_LABELS: "a",
    LOG_LEVEL: "loud",
  };
  const refused = (error: unknown): boolean => {
    assert.ok(error instanceof SettingsError);
    for (const name of ["HTTP_PORT", "WORKERS", "OPERATOR_LABELS", "LOG_LEVEL"]) {
      assert.match(error.message, new RegExp(`${name} .*wanted: `));
    }
    return true;
  };
  assert.throws(() => readSettings({ argv: [], env: wrong }), refused);
});

test("what must be given is asked for, and unknown flags are refused", () => {
  assert.throws(
    () => readSettings({ argv: [], env: {} }),
    /NODE_IMAGE \(--node-image\) is not set/,
  );
  assert.throws(() => readSettings({ argv: ["--replicas=3"], env }), /--replicas/);
  assert.throws(() => readSettings({ argv: ["serve"], env }), SettingsError);
});

test("labels are read as pairs", () => {
  const labels = "app.kubernetes.io/name=op,app.kubernetes.io/instance=main";
  const { operatorLabels } = readSettings({ argv: [`--operator-labels=${labels}`], env });
  assert.deepEqual(operatorLabels, {
    "app.kubernetes.io/name": "op",
    "app.kubernetes.io/instance": "main",
  });
});
