/** An application's pod reaches the store with its own service-account token and no secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Curled, Shell } from "./pods.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";

let store: Store;
let app: Shell;
const stage = setStage("access", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
    app = await it.startShell(store, "app");
  },
});

const codeOf = ({ body }: Curled): string => JSON.parse(body).code;

test("curl with the projected token puts, gets and deletes through the Service", async () => {
  assert.equal((await app.curl("-X PUT --data-binary blue", "/v1/kv/load/colour")).status, 201);
  const got = await app.curl("", "/v1/kv/load/colour");
  assert.deepEqual([got.status, got.body], [200, "blue"]);
  assert.equal((await app.curl("", "/v1/kv?prefix=load/")).status, 200);
  assert.equal((await app.curl("-X DELETE", "/v1/kv/load/colour")).status, 200);
  assert.equal((await app.curl("", "/v1/kv/load/colour")).status, 404);
});

test("the same pod is refused outside its prefix", async () => {
  const refused = [
    await app.curl("-X PUT -d x", "/v1/kv/other/key"),
    await app.curl("", "/v1/kv/other/key"),
    await app.curl("", "/v1/kv?prefix=lo"),
    await app.curl("", "/v1/cluster/members"),
  ];
  for (const answer of refused) assert.equal(answer.status, 403, answer.body);
  assert.equal(codeOf(refused[0] ?? assert.fail()), "FORBIDDEN");
});

test("a token of another audience is refused", async () => {
  const stranger = await stage().startShell(store, "stranger", { audience: "e2e/another" });
  const answer = await stranger.curl("", "/v1/kv/load/colour");
  assert.deepEqual([answer.status, codeOf(answer)], [401, "TOKEN_INVALID"]);
});

test("the account of the same name in another namespace is refused", async () => {
  const namespace = `${stage().namespace}-other`;
  await stage().makeNamespace(namespace);
  await stage().kube.apply({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "load", namespace },
  });
  const neighbour = await stage().startShell(store, "neighbour", { namespace });
  const answer = await neighbour.curl("", "/v1/kv/load/colour");
  assert.deepEqual([answer.status, codeOf(answer)], [403, "FORBIDDEN"]);
});

test("another account of the namespace is refused until a policy names it", async () => {
  const { namespace } = store;
  await stage().kube.apply({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "second", namespace },
  });
  const second = await stage().startShell(store, "second", { serviceAccount: "second" });
  assert.equal((await second.curl("", "/v1/kv/load/colour")).status, 403);
});

test("no token, no answer; and the kubelet's probes need none", async () => {
  const { url } = store;
  const code = async (path: string): Promise<string> =>
    (await app.type(`curl -s -o /dev/null -w '%{http_code}' ${url}${path}`)).stdout;
  assert.equal(await code("/v1/kv/load/colour"), "401");
  assert.equal(await code("/readyz"), "200");
});

test("pods of the store see no API token and no variables of their neighbours", async () => {
  const flags = ["-n", store.namespace, "exec", "kv-0", "--"];
  const seen = await stage().kube.kubectl([
    ...flags,
    "sh",
    "-c",
    "ls /var/run/secrets; env; id -u",
  ]);
  assert.doesNotMatch(seen, /kubernetes\.io|KV_SERVICE_HOST/);
  assert.match(seen, /^10001$/m);
});
