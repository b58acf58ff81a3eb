import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, effectiveConfig, loadConfig } from "./load.ts";
import { renderConfigReference } from "./reference.ts";
import { settings } from "./settings.ts";
import type { Config } from "./types.ts";

const key = {
  name: "local",
  algorithm: "HS256",
  file: "/secrets/hs256",
  issuer: "kvcluster",
  audiences: ["kvcluster"],
  grants: "trusted",
};

const required = {
  KVCLUSTER_NAME: "node-1",
  KVCLUSTER_DATA_FOLDER: "/data",
  KVCLUSTER_KEY_RING_FILE: "/secrets/ring",
  KVCLUSTER_PEERS_SECRET_FILE: "/secrets/peers",
  KVCLUSTER_AUTH_KEYS: JSON.stringify([key]),
};

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly file?: string;
}

const load = ({ argv = [], env = {}, file }: Given): Config =>
  loadConfig({
    argv: file === undefined ? argv : ["--config", "node.yaml", ...argv],
    env: { ...required, ...env },
    readFile: (path) => {
      if (file === undefined || path !== "node.yaml") throw new Error(`ENOENT: ${path}`);
      return file;
    },
  });

const refusal = (given: Given): string => {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  assert.fail("was not refused");
};

test("defaults fill what is not given", () => {
  const config = load({});
  assert.equal(config.limits.keyBytesMax, 4096);
  assert.equal(config.listen.http, "127.0.0.1:5000");
  assert.deepEqual(config.auth.keys, [key]);
});

test("flags win over the environment, which wins over the file", () => {
  const file = "limits: { keyBytesMax: 100, pageItemsMax: 500, countMax: 7 }";
  const env = { KVCLUSTER_LIMITS_KEY_BYTES_MAX: "200", KVCLUSTER_LIMITS_PAGE_ITEMS_MAX: "600" };
  const { limits } = load({ file, env, argv: ["--limits.keyBytesMax=300"] });
  assert.deepEqual([limits.keyBytesMax, limits.pageItemsMax, limits.countMax], [300, 600, 7]);
});

test("a file may be JSON, and may be named by the environment", () => {
  const config = loadConfig({
    argv: [],
    env: { ...required, KVCLUSTER_CONFIG: "a.json" },
    readFile: () => JSON.stringify({ raft: { tickMs: 20 } }),
  });
  assert.equal(config.raft.tickMs, 20);
});

test("every setting can be given as a flag and in the environment under its own name", () => {
  assert.equal(new Set(settings.map((row) => row.variable)).size, settings.length);
  for (const row of settings.filter(({ path }) => !path.startsWith("advertise."))) {
    const value = row.default ?? (row.format === "json" ? [key] : "a");
    const text = row.format === "json" ? JSON.stringify(value) : String(value);
    for (const given of [{ argv: [`--${row.flag}=${text}`] }, { env: { [row.variable]: text } }]) {
      assert.deepEqual(effectiveConfig(load(given))[row.path], value, row.path);
    }
  }
});

test("unknown settings are refused with their name, source and the nearest known name", () => {
  assert.match(
    refusal({ file: "limits: { keyByteMax: 1 }" }),
    /limits\.keyByteMax: unknown setting \(did you mean limits\.keyBytesMax\?\) \(file node\./,
  );
  assert.match(
    refusal({ env: { KVCLUSTER_LOGLEVEL: "info" } }),
    /KVCLUSTER_LOGLEVEL: unknown setting \(did you mean KVCLUSTER_LOG_LEVEL\?\) \(environment\)/,
  );
  assert.match(
    refusal({ argv: ["--log-level", "info"] }),
    /--log-level: unknown setting \(did you mean --logLevel\?\) \(command line\)/,
  );
  assert.match(refusal({ argv: ["serve"] }), /serve: not a flag/);
  assert.match(refusal({ file: "limits: 5" }), /limits: is a section/);
});

test("values of the wrong type or out of bounds are refused with bounds and source", () => {
  assert.match(
    refusal({ env: { KVCLUSTER_LIMITS_KEY_BYTES_MAX: "1e3" } }),
    /limits\.keyBytesMax: must be a whole number from 1 to 65535 bytes, not "1e3" \(environment /,
  );
  assert.match(refusal({ argv: ["--raft.tickMs", "0"] }), /raft\.tickMs: .*not 0 \(flag --raft\.t/);
  assert.match(
    refusal({ argv: ["--name", "Node_1"] }),
    /name: .*pattern.*"Node_1" \(flag --name\)/,
  );
  assert.match(refusal({ argv: ["--logLevel", "loud"] }), /logLevel: .*"loud"/);
  assert.match(refusal({ file: "raft: { tickMs: '10' }" }), /raft\.tickMs: .*not "10"/);
  assert.match(
    refusal({ env: { KVCLUSTER_AUTH_KEYS: "not json" } }),
    /auth\.keys: must be array, not "not json"/,
  );
  const weak = JSON.stringify([{ ...key, algorithm: "none" }]);
  assert.match(refusal({ argv: ["--auth.keys", weak] }), /auth\.keys\.0\.algorithm/);
});

test("a key has a file and its algorithm, or a key set's file and neither", () => {
  const { algorithm, file, ...whose } = key;
  const given = (...keys: object[]): Given => ({ argv: ["--auth.keys", JSON.stringify(keys)] });
  const set = { ...whose, name: "kubernetes", jwksFile: "/jwks.json" };
  assert.deepEqual(load(given(key, set)).auth.keys, [key, set]);
  const neither = /auth\.keys: key "local": needs algorithm and file, or jwksFile alone/;
  assert.match(refusal(given(whose)), neither);
  assert.match(refusal(given({ ...whose, algorithm })), neither);
  assert.match(refusal(given({ ...whose, file })), neither);
  assert.match(
    refusal(given({ ...set, file, algorithm }, { ...set, name: "b", keyId: "k" })),
    /"kubernetes": algorithm and file must be left out beside jwksFile.*\n.*"b": keyId must be/,
  );
});

test("a missing setting tells how to set it; all problems come at once", () => {
  assert.throws(
    () => loadConfig({ argv: ["--x"], env: {}, readFile: () => "" }),
    (error: ConfigError) => {
      assert.match(
        error.message,
        /dataFolder: must be set, by --dataFolder or KVCLUSTER_DATA_FOLD/,
      );
      assert.match(error.message, /--x: unknown setting/);
      return error.problems.length === Object.keys(required).length + 1;
    },
  );
});

test("contradictory settings are refused with both sources", () => {
  const message = refusal({ argv: ["--timeouts.requestMaxMs", "10"] });
  assert.match(
    message,
    /timeouts\.requestDefaultMs: 5000 must not be above timeouts\.requestMaxMs/,
  );
  assert.match(
    message,
    /requestDefaultMs from default, timeouts\.requestMaxMs from flag --timeouts/,
  );
  assert.match(
    refusal({ argv: ["--limits.bodyBytesMax", "5000"] }),
    /bodyBytesMax: must be at least/,
  );
  assert.match(refusal({ argv: ["--limits.keyBytesMax", "65535"] }), /headerBytesMax: must be at/);
  for (const flag of ["peers.frameBytesMax", "limits.bodyBytesMax", "raft.appendBytesMax"]) {
    const bytes = flag.startsWith("peers") ? 6_000_000 : 15_000_000;
    assert.match(refusal({ argv: [`--${flag}`, `${bytes}`] }), /frameBytesMax: must be at least/);
  }
  assert.match(
    refusal({ argv: ["--raft.electionTimeoutMs", "200"] }),
    /electionTimeoutMs: must be at least three heartbeat intervals/,
  );
  assert.match(
    refusal({ argv: ["--listen.http", "127.0.0.1:5100"] }),
    /is also listen\.peer|is also/,
  );
  assert.match(refusal({ argv: ["--listen.http", "a:70000"] }), /port 70000 does not exist/);
  assert.match(refusal({ argv: ["--listen.http", "0.0.0.0:1"] }), /advertise\.clientAddress: must/);
  assert.match(refusal({ argv: ["--listen.peer", "[::]:1"] }), /advertise\.peerAddress: must/);
  const foreign = JSON.stringify([{ ...key, grants: "policies" }]);
  assert.match(refusal({ argv: ["--auth.keys", foreign] }), /auth\.policiesFile: must be set/);
  const twice = JSON.stringify([key, key]);
  assert.match(refusal({ argv: ["--auth.keys", twice] }), /two keys are named "local"/);
});

test("flags given twice or without a value are refused", () => {
  assert.match(refusal({ argv: ["--name=a", "--name=b"] }), /name: given twice/);
  assert.match(refusal({ argv: ["--name"] }), /name: needs a value/);
});

test("damaged, huge and aliased files are refused with their name", () => {
  assert.match(refusal({ file: "a: [" }), /file node\.yaml: /);
  assert.match(refusal({ file: "name: a\nname: b" }), /file node\.yaml: .*unique/);
  assert.match(refusal({ file: "- a" }), /must hold settings by name/);
  assert.match(refusal({ file: "a: &x {}\nb: *x" }), /file node\.yaml: .*alias/i);
  assert.match(refusal({ file: `name: ${"a".repeat(2_000_000)}` }), /longer than/);
  assert.match(
    refusal({ argv: ["--config", "absent.yaml"] }),
    /absent\.yaml: cannot be read: ENOENT/,
  );
});

test("variables that Kubernetes makes for a service named kvcluster are passed over", () => {
  load({
    env: {
      KVCLUSTER_PORT: "tcp://10.0.0.1:5000",
      KVCLUSTER_PORT_5000_TCP: "tcp://10.0.0.1:5000",
      KVCLUSTER_PORT_5000_TCP_ADDR: "10.0.0.1",
      KVCLUSTER_SERVICE_HOST: "10.0.0.1",
      KVCLUSTER_SERVICE_PORT: "5000",
      KVCLUSTER_SERVICE_PORT_HTTP: "5000",
      KVCLUSTER_CLIENT_SERVICE_HOST: "10.0.0.1",
      KVCLUSTER_CLIENT_PORT_5000_TCP_PROTO: "tcp",
    },
  });
});

test("addresses to advertise come from the listeners, and stay open while a port is 0", () => {
  assert.deepEqual(load({}).advertise, {
    peerAddress: "127.0.0.1:5100",
    clientAddress: "http://127.0.0.1:5000",
  });
  assert.equal(load({ argv: ["--listen.http=127.0.0.1:0"] }).advertise.clientAddress, "");
});

test("an address with credentials is refused", () => {
  const argv = ["--advertise.clientAddress", "http://user:secret@host:1"];
  assert.match(refusal({ argv }), /advertise\.clientAddress/);
});

test("the reference names every setting with its default and environment name", () => {
  const page = renderConfigReference();
  for (const row of settings) {
    assert.ok(page.includes(`| \`${row.path}\` |`), row.path);
    assert.ok(page.includes(`\`${row.variable}\``), row.variable);
    assert.ok(row.description.endsWith("."), `${row.path} is described in sentences`);
  }
});
