/** `make run` as a newcomer meets it: samples, token, curl, kv, kill -9, Ctrl-C, and again. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { request } from "undici";
import {
  chooseClusterPorts,
  type Environment,
  eventually,
  isAlive,
  kv,
  type LocalRun,
  makeFolder,
  run,
} from "./launched.test-kit.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type HttpMethod = "GET" | "PUT" | "POST" | "DELETE";

async function send(
  local: LocalRun,
  [method, path]: readonly [HttpMethod, string],
  options: { body?: string; headers?: Record<string, string>; token?: string | null } = {},
): Promise<Answer> {
  const token = options.token === undefined ? local.token : options.token;
  const answer = await request(`${local.balancer}${path}`, {
    method,
    headers: {
      ...options.headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

const kvEnv = (local: LocalRun): Environment => ({
  KV_ENDPOINTS: local.balancer,
  KV_TOKEN: local.token,
});

const codeOf = ({ body }: Answer): string => JSON.parse(body).code;

async function useWithCurl(local: LocalRun): Promise<void> {
  const path = "/v1/kv/app/one";
  const put = await send(local, ["PUT", path], { body: "1" });
  assert.equal(put.status, 201);
  const get = await send(local, ["GET", path]);
  assert.deepEqual([get.status, get.body], [200, "1"]);
  const etag = String(get.headers["etag"]);
  assert.equal(etag, `"${JSON.parse(put.body).revision}"`);
  assert.ok(Number(get.headers["x-kv-revision"]) >= JSON.parse(put.body).revision);
  assert.match(String(get.headers["x-kv-node"]), /^node-[123]$/);
  const fresh = await send(local, ["PUT", path], { body: "2", headers: { "if-match": etag } });
  assert.equal(fresh.status, 200);
  const stale = await send(local, ["PUT", path], { body: "3", headers: { "if-match": etag } });
  assert.deepEqual([stale.status, codeOf(stale)], [412, "CONDITION_FAILED"]);
  assert.equal((await send(local, ["GET", path], { token: null })).status, 401);
  assert.equal((await send(local, ["GET", path], { token: "nonsense" })).status, 401);
  assert.equal((await send(local, ["DELETE", "/v1/kv/app/none"])).status, 404);
}

async function useWithKv(local: LocalRun, folder: string): Promise<void> {
  const env = kvEnv(local);
  const secret = ["--secret-file", join(folder, "secrets/jwt-secret")];
  const minted = await kv(
    ["token", ...secret, "--prefix", "app/", "--verbs", "read", "--ttl", "10m"],
    { env },
  );
  assert.equal(minted.code, 0, minted.stderr);
  const token = minted.stdout.toString().trim();
  assert.equal((await send(local, ["GET", "/v1/kv/app/one"], { token })).status, 200);
  assert.equal((await send(local, ["GET", "/v1/kv/apq"], { token })).status, 403);
  assert.equal((await kv(["put", "app/two", "x", "--token", token], { env: {} })).code, 6);
  const forbidden = await kv(["put", "app/two", "x", "--token", token], {
    env: { KV_ENDPOINTS: local.balancer },
  });
  assert.equal(forbidden.code, 5, forbidden.stderr);

  const bytes = Buffer.from([0, 10, 255, 13, 10]);
  assert.equal((await kv(["put", "app/bytes", "-"], { env, stdin: bytes })).code, 0);
  const read = await kv(["get", "app/bytes"], { env });
  assert.deepEqual([read.code, [...read.stdout]], [0, [...bytes]]);
  assert.equal((await kv(["get", "app/none"], { env })).code, 3);
  assert.equal((await kv(["cas", "app/one", "1", "x"], { env })).code, 4);
  assert.equal((await kv(["frobnicate"], { env })).code, 2);
  const viaSecret = await kv(["list", "--prefix", "app/", "--keys-only", ...secret], {
    env: { KV_ENDPOINTS: local.balancer },
  });
  assert.equal(viaSecret.stdout.toString(), "app/bytes\napp/one\n", viaSecret.stderr);
  const status = await kv(["status"], { env });
  assert.match(status.stdout.toString(), /node-1 +voter[\s\S]*node-2 +voter[\s\S]*node-3 +voter/);
}

async function surviveKills(local: LocalRun): Promise<void> {
  for (const name of ["node-1", "node-2", "node-3"]) {
    const from = local.output.length;
    process.kill(local.pidOf(name), "SIGKILL");
    for (let i = 0; i < 20; i += 1) {
      const answer = await send(local, ["PUT", `/v1/kv/kill/${name}`], { body: String(i) });
      // A write under way at that moment may be unknown; one that was refused may not be lost.
      assert.ok([200, 201, 503, 504].includes(answer.status), answer.body);
    }
    await local.shows(new RegExp(`${name} died \\(signal SIGKILL\\); starting it again`), from);
    await eventually(`${name} is back`, async () => {
      const { body } = await send(local, ["GET", "/balancer/status"]);
      return JSON.parse(body).nodes.every(({ health }: { health: string }) => health === "ready");
    });
    const written = await send(local, ["PUT", `/v1/kv/kill/${name}`], { body: "after" });
    assert.equal(written.status, 200, written.body);
    // The printed table has the first pid only; the second round needs none of this node.
  }
}

test("a newcomer's first hour", async (t) => {
  const folder = join(makeFolder(), "data");
  const ports = await chooseClusterPorts();
  const env = { ...ports, KV_DATA: folder };
  const local = run(env);

  await t.test("it starts, shows samples as they should be, and stays", async () => {
    await local.isUp();
    assert.doesNotMatch(local.output, /\(expected /);
    assert.match(local.output, /if-match: "\d+" {2}lost update\n +→ 412/);
    assert.equal(local.hasEnded, false);
  });
  await t.test("curl with the shown token works, without one it does not", () =>
    useWithCurl(local),
  );
  await t.test("kv works, with exit codes", () => useWithKv(local, folder));
  await t.test("kill -9 of each node in turn is survived", () => surviveKills(local));
  await t.test("Ctrl-C stops everything", async () => {
    const pids = [1, 2, 3].map((id) => local.pidOf(`node-${id}`));
    assert.equal(await local.interrupt(), 0, local.output);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(existsSync(join(folder, "node-1/pid")), false);
  });

  const again = run(env);
  await t.test("started again it finds its data", async () => {
    await again.isUp();
    assert.doesNotMatch(again.output, /Making a new cluster/);
    assert.equal((await send(again, ["GET", "/v1/kv/app/one"])).body, "2");
    for (const id of [1, 2, 3]) {
      assert.equal((await send(again, ["GET", `/v1/kv/kill/node-${id}`])).body, "after");
    }
  });
  await t.test("nodes of a killed launcher are stopped by the next start", async () => {
    const pids = [1, 2, 3].map((id) => again.pidOf(`node-${id}`));
    again.child.kill("SIGKILL");
    await again.ended();
    assert.deepEqual(pids.filter(isAlive), pids);
    rmSync(join(folder, "node-2/data"), { recursive: true });
  });

  const third = run(env);
  await t.test("a node whose data was wiped is replaced by a new member", async () => {
    await third.isUp();
    assert.match(
      third.output,
      /node-1 still runs from an earlier start \(process \d+\); stopping it/,
    );
    assert.match(third.output, /node-2 is empty although it is member \d+: removing that member/);
    assert.match(third.output, /node-2 joined as member \d+/);
    const hashes = await kv(["hash", "--json"], {
      env: {
        KV_TOKEN: third.token,
        KV_ENDPOINTS: [1, 2, 3]
          .map((id) => `http://127.0.0.1:${Number(ports["HTTP_PORT_BASE"]) + id}`)
          .join(","),
      },
    });
    const states: { hash: string; keys: number }[] = JSON.parse(hashes.stdout.toString());
    assert.equal(states.length, 3);
    assert.deepEqual([...new Set(states.map(({ keys }) => keys))], [states[0]?.keys]);
    assert.equal(await third.interrupt(), 0);
  });
});

test("a cluster grows and shrinks with NODES, and keeps its data", async () => {
  const folder = join(makeFolder(), "data");
  const env = { ...(await chooseClusterPorts()), KV_DATA: folder };
  const namesOf = async (local: LocalRun): Promise<string[]> => {
    const { body } = await send(local, ["GET", "/v1/cluster"]);
    const members: { name: string; role: string }[] = JSON.parse(body).members;
    return members.filter(({ role }) => role === "voter").map(({ name }) => name);
  };

  const one = run({ ...env, NODES: "1" });
  await one.isUp();
  assert.deepEqual(await namesOf(one), ["node-1"]);
  assert.equal((await send(one, ["PUT", "/v1/kv/kept"], { body: "yes" })).status, 201);
  await one.interrupt();

  const three = run({ ...env, NODES: "3" });
  await three.isUp();
  assert.deepEqual((await namesOf(three)).sort(), ["node-1", "node-2", "node-3"]);
  await three.interrupt();

  const asBefore = run(env);
  await asBefore.isUp();
  assert.equal((await namesOf(asBefore)).length, 3, "without NODES it is as many as before");
  await asBefore.interrupt();

  const shrunk = run({ ...env, NODES: "1" });
  await shrunk.isUp();
  assert.deepEqual(await namesOf(shrunk), ["node-1"]);
  assert.match(shrunk.output, /Removing node-3 \(member \d+\)[\s\S]*Removing node-2/);
  assert.equal((await send(shrunk, ["GET", "/v1/kv/kept"])).body, "yes");
  assert.equal(existsSync(join(folder, "node-3")), false);
  await shrunk.interrupt();
});
