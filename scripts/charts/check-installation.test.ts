/** What `helm test` runs, against servers that answer as operator and API server do. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const chart = join(import.meta.dirname, "../../charts/kvcluster-operator");
const program = readFileSync(join(chart, "files/check-installation.ts"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "kvcluster-check-"));
const tokenFile = join(folder, "token");

/** `METHOD path authorization` of each request. */
const asked: string[] = [];
const server: Server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
  const isKnown = !(request.url ?? "").includes("/namespaces/forbidden/");
  response.writeHead(isKnown ? 200 : 403).end(isKnown ? "{}" : "no such right");
});

before(async () => {
  writeFileSync(tokenFile, "a.b.c\n");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** Runs it as the pod does; one attempt, for there is nothing to wait for here. */
async function check(watchNamespaces: string): Promise<{ code: number; said: string }> {
  const { port }: AddressInfo = server.address() as AddressInfo;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ATTEMPTS_MAX: "1",
      OPERATOR_URL: `http://127.0.0.1:${port}`,
      KUBERNETES_SCHEME: "http",
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: String(port),
      TOKEN_FILE: tokenFile,
      WATCH_NAMESPACES: watchNamespaces,
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, said };
}

test("it passes when the operator is ready and KVClusters are served to its account", async () => {
  asked.length = 0;
  const { code, said } = await check("");
  assert.equal(code, 0, said);
  assert.deepEqual(asked.sort(), [
    "GET /apis/kvcluster.io/v1alpha1/kvclusters?limit=1 Bearer a.b.c",
    "GET /readyz -",
  ]);
});

test("with watched namespaces it asks in each of them and names the one that refuses", async () => {
  asked.length = 0;
  const { code, said } = await check("shop,forbidden");
  assert.equal(code, 1, said);
  assert.match(said, /✔ .*namespaces\/shop/);
  assert.match(said, /✖ .*namespaces\/forbidden.* answered 403 no such right/);
  assert.doesNotMatch(said, /a\.b\.c/);
});
