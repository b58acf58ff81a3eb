/** A node in a restricted pod on a fresh volume: it starts, keeps data, and knows its callers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Kube, mustRun } from "../e2e/kubernetes/kube.test-kit.ts";
import { isLab, reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";
import { NodePod } from "./node-pod.test-kit.ts";

const root = join(import.meta.dirname, "../..");
const BUILD_MS = 10 * 60_000;
let kube: Kube;
let pod: NodePod;

before(async () => {
  await reachKubernetes();
  if (isLab()) {
    const env = { ...process.env, TOOL: "lab", TAG: "pod-test", IMAGES: "node" };
    await mustRun("make", ["images"], { cwd: root, env, timeoutMs: BUILD_MS });
  }
  kube = await Kube.connect();
  pod = new NodePod(kube, `kvtest-node-pod-${process.pid}`);
  await pod.make();
  await pod.start();
  const bootstrap = [
    'const { KVStoreClient } = await import("/app/client/dist/index.js");',
    `const auth = { secretFile: "/etc/kvcluster/secrets/auth/jwt-secret", user: "test",`,
    '  grants: [{ prefix: "", verbs: ["admin"] }] };',
    'const client = new KVStoreClient({ endpoints: ["http://127.0.0.1:5000"], auth });',
    "await client.admin.bootstrap(); await client.close();",
  ];
  await pod.in("store-0", ["node", "--input-type=module", "-e", bootstrap.join("\n")]);
});

after(async () => {
  await pod.remove();
  kube.close();
});

test("it runs as its own user, can write its volume and nothing else", async () => {
  assert.match(await pod.in("store-0", ["id"]), /uid=10001 gid=10001/);
  const mode = await pod.in("store-0", ["stat", "-c", "%u %a", "/var/lib/kvcluster/data"]);
  assert.match(mode, /^10001 2?700/);
  await assert.rejects(pod.in("store-0", ["touch", "/app/x"]), /Read-only file system/);
});

test("what was written is there again in the next pod", async () => {
  await pod.kv("put", "shop/greeting", "hello");
  await pod.stop();
  await pod.start();
  assert.equal((await pod.kv("get", "shop/greeting")).trim(), "hello");
});

test("a service account's token opens what its policy grants, and nothing else does", async () => {
  assert.equal(await pod.ask("web", "store", "PUT /v1/kv/shop/a"), "201");
  assert.equal(await pod.ask("web", "store", "GET /v1/kv/shop/a"), "200");
  assert.equal(await pod.ask("web", "store", "PUT /v1/kv/other/a"), "403", "outside its prefix");
  assert.equal(await pod.ask("web", "store", "GET /v1/cluster"), "403", "no administrator");
  assert.equal(await pod.ask("web", "other", "GET /v1/kv/shop/a"), "401", "another audience");
  assert.equal(await pod.ask("stranger", "store", "GET /v1/kv/shop/a"), "403", "no policy");
});
