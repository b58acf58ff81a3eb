/** The operator as a process: what it refuses, how it leads, and how it ends. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { eventually } from "../cluster/polling.test-kit.ts";
import { SmallApiServer } from "./small-api-server.test-kit.ts";

const program = join(import.meta.dirname, "../../operator/src/main.ts");
const DEADLINE = { timeout: 120_000 };

/** A process of the operator, with what it has written. */
class Operator {
  output = "";
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(env: Readonly<Record<string, string>>, flags: readonly string[] = []) {
    this.#child = spawn(process.execPath, [program, ...flags], {
      env: { PATH: process.env["PATH"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.output += data.toString();
      });
    }
    this.ended = new Promise((resolve) => this.#child.once("close", (code) => resolve(code)));
    after(() => {
      this.#child.kill("SIGKILL");
    });
  }

  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  async url(): Promise<string> {
    const port = await eventually(
      "the operator tells its port",
      () => /"port":(\d+)/.exec(this.output)?.[1] ?? null,
    );
    return `http://127.0.0.1:${port}`;
  }

  async leads(): Promise<string> {
    const url = await this.url();
    await eventually("it leads", async () => {
      const page = await (await fetch(`${url}/metrics`)).text();
      return page.includes("kvcluster_operator_leader 1\n");
    });
    return url;
  }
}

async function serve(): Promise<{ server: SmallApiServer; env: Record<string, string> }> {
  const server = new SmallApiServer();
  const url = await server.listen();
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-operator-"));
  const kubeconfig = join(folder, "kubeconfig.json");
  const one = "test";
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: one, cluster: { server: url, "insecure-skip-tls-verify": true } }],
      users: [{ name: one, user: {} }],
      contexts: [{ name: one, context: { cluster: one, user: one } }],
      "current-context": one,
    }),
  );
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const env = {
    KUBECONFIG: kubeconfig,
    NODE_IMAGE: "kvcluster/node:1",
    POD_NAME: "operator-0",
    POD_NAMESPACE: "system",
    HTTP_PORT: "0",
  };
  return { server, env };
}

test("settings that are not understood are refused, each by name", DEADLINE, async () => {
  const operator = new Operator({ WORKERS: "many" }, []);
  assert.equal(await operator.ended, 2);
  for (const name of ["NODE_IMAGE", "POD_NAME", "POD_NAMESPACE", "WORKERS"]) {
    assert.match(operator.output, new RegExp(name));
  }
  const unknown = new Operator({}, ["--replica=3"]);
  assert.equal(await unknown.ended, 2);
  assert.match(unknown.output, /--replica/);
});

test("without Kubernetes it says so", DEADLINE, async () => {
  const { env } = await serve();
  const { KUBECONFIG: _, ...rest } = env;
  const operator = new Operator(rest);
  assert.equal(await operator.ended, 2);
  assert.match(operator.output, /no Kubernetes cluster to speak to/);
});

test("a CRD that is absent or older is refused with what to do", DEADLINE, async () => {
  const { server, env } = await serve();
  for (const [version, code] of [
    [null, "CRD_ABSENT"],
    [0, "CRD_UNVERSIONED"],
  ] as const) {
    server.crdVersion = version;
    const operator = new Operator(env);
    assert.equal(await operator.ended, 2);
    assert.match(operator.output, new RegExp(code));
    assert.match(operator.output, /appl(y|ies).* crds?[/ ]|chart with crds\.create=true/);
  }
  assert.ok(
    server.requests.every((request) => request.startsWith("GET ")),
    "nothing is written",
  );
});

test("it leads, is ready, and gives the Lease back at SIGTERM", DEADLINE, async () => {
  const { server, env } = await serve();
  const operator = new Operator(env);
  const url = await operator.leads();
  assert.match(server.lease?.spec.holderIdentity ?? "", /^operator-0_/);
  for (const path of ["livez", "readyz", "startupz"]) {
    assert.equal((await fetch(`${url}/${path}`)).status, 200, path);
  }
  const page = await (await fetch(`${url}/metrics`)).text();
  assert.match(page, /kube_requests_total\{method="GET",resource="pods",status="200"\}/);
  // A shell and its process group may both pass one SIGTERM on.
  operator.terminate();
  operator.terminate();
  assert.equal(await operator.ended, 0);
  assert.equal(server.lease?.spec.holderIdentity, "");
});

test("a standby is ready and does nothing; it ends in order, too", DEADLINE, async () => {
  const { server, env } = await serve();
  server.takeLease("another");
  const operator = new Operator(env);
  const url = await operator.url();
  await eventually("it is ready", async () => (await fetch(`${url}/readyz`)).status === 200);
  assert.match(await (await fetch(`${url}/metrics`)).text(), /kvcluster_operator_leader 0\n/);
  operator.terminate();
  assert.equal(await operator.ended, 0);
  assert.equal(server.lease?.spec.holderIdentity, "another");
});

test("a leader that loses the Lease ends and says why", DEADLINE, async () => {
  const { server, env } = await serve();
  const operator = new Operator(env);
  await operator.leads();
  server.takeLease("another");
  assert.equal(await operator.ended, 3);
  assert.match(operator.output, /the Lease was lost/);
  assert.equal(server.lease?.spec.holderIdentity, "another");
});

test("without leader election it works at once and asks for no Lease", DEADLINE, async () => {
  const { server, env } = await serve();
  const operator = new Operator(env, ["--leader-election=false"]);
  await operator.leads();
  assert.ok(!server.requests.some((request) => request.includes("/leases")));
  operator.terminate();
  assert.equal(await operator.ended, 0);
});
