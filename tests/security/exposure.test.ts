/**
 * Where secrets, keys and values could leak to: public routes, metrics, logs, the process list and
 * the modes of files. And what an attacker's words must not become: labels of metrics.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { leaderStatus, makeSources } from "../../node/src/api/metrics/metrics.test-kit.ts";
import { createMetrics } from "../../node/src/api/metrics/metrics.ts";
import { exchangeRaw } from "./raw-connection.test-kit.ts";
import { DEADLINE, fetchOnce, startTarget, type Target } from "./target.test-kit.ts";

let target: Target;
before(async () => {
  target = await startTarget();
});

/** Words that the test sends and then looks for. */
const marker = randomBytes(9).toString("hex");
const words = { key: `key-${marker}`, value: `value-${marker}`, subject: `subject-${marker}` };

/** The content of each secret file, and what else must be nowhere. */
function secretsOf(): readonly string[] {
  const { tokenSecret, peerSecret, keyRing } = target.cluster.secrets;
  const ring = JSON.parse(readFileSync(keyRing, "utf8")).keys as Record<string, string>;
  const texts = [tokenSecret, peerSecret].map((path) => readFileSync(path, "utf8").trim());
  return [...texts, ...Object.values(ring)];
}

function assertHolds(what: string, text: string, absent: readonly string[]): void {
  for (const word of absent) assert.ok(!text.includes(word), `${what} has ${word.slice(0, 12)}…`);
}

async function useWords(): Promise<string> {
  const token = target.token(undefined, words.subject);
  const headers = { authorization: `Bearer ${token}` };
  const path = `/v1/kv/${words.key}`;
  await target.send(path, { method: "PUT", body: words.value, headers });
  await target.send(path, { headers });
  await target.send(`/v1/kv?prefix=${words.key}`, { headers });
  await target.send(`${path}?${words.value}=1`, { headers });
  await target.send(path, { headers: { authorization: `Bearer ${token}x` } });
  const batch = `{"operations":[{"type":"put","key":"${words.key}","value":"${words.value}"`;
  const json = { ...headers, "content-type": "application/json" };
  await target.send("/v1/batch", { method: "POST", body: batch, headers: json });
  return token;
}

test("public routes, log and status hold no secret, no key and no value", DEADLINE, async () => {
  const token = await useWords();
  const absent = [...secretsOf(), token, words.key, words.value];
  const { clientAddress, metricsAddress } = target.node;
  const paths = ["/livez", "/readyz?verbose", "/startupz?verbose", "/metrics", "/openapi.json"];
  const urls = [
    ...paths.map((path) => `${clientAddress}${path}`),
    ...["/livez", "/readyz?verbose", "/metrics", "/"].map((path) => `${metricsAddress}${path}`),
    `${target.doors[1]?.url}/balancer/status`,
  ];
  for (const url of urls) {
    const text = await (await fetchOnce(url)).text();
    assert.ok(text.length > 0, url);
    assertHolds(url, text, [...absent, words.subject]);
  }
  assertHolds("the log", target.node.log(), absent);
  const status = await (await target.send("/v1/status")).text();
  assertHolds("the status", status, absent);
});

test("the process list and the environment hold no secret", DEADLINE, async () => {
  const folder = `/proc/${target.node.pid}`;
  for (const name of ["cmdline", "environ"]) {
    assertHolds(name, readFileSync(join(folder, name), "latin1"), secretsOf());
  }
});

test("others on the machine can read nothing of the data folder", DEADLINE, async () => {
  for (const name of ["", "member"]) {
    const { mode } = statSync(join(target.node.dataFolder, name));
    assert.equal(mode & 0o077, 0, `${name}: ${mode.toString(8)}`);
  }
  for (const name of readdirSync(target.node.dataFolder)) {
    const { mode } = statSync(join(target.node.dataFolder, name));
    assert.equal(mode & 0o077, 0, `${name}: ${mode.toString(8)}`);
  }
});

/** Names and labels of our own metrics on a page, without the values. */
const seriesOf = (page: string): readonly string[] =>
  page
    .split("\n")
    .filter((line) => line.startsWith("kvcluster_"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")))
    .sort();

test("an attacker's words never become labels", DEADLINE, async (t) => {
  const url = target.node.clientAddress;
  const page = async (): Promise<string> => (await fetchOnce(`${url}/metrics`)).text();
  const shake = async (round: number): Promise<void> => {
    const word = `${marker}-${round}`;
    const requests = ["GET", "PURGE", "M-SEARCH", "PROPFIND"].map(
      (method) => `${method} /${word} HTTP/1.1\r\nHost: ${word}\r\nConnection: close\r\n\r\n`,
    );
    for (const request of requests) await exchangeRaw(t, url, request);
    const headers = { "x-request-id": word, "user-agent": word };
    await target.send(`/v1/kv/${word}`, { headers });
    await target.send(`/v1/cluster/members/${word}`, { method: "DELETE", headers });
    const bearer = `Bearer ${target.token([{ prefix: word, verbs: ["read"] }], word)}`;
    await target.send("/v1/kv/x", { headers: { authorization: bearer } });
    await exchangeRaw(t, url, `${word}\r\n\r\n`);
  };
  await shake(0);
  // Its own request is on the page from the next one on.
  await page();
  const first = await page();
  for (let round = 1; round <= 20; round += 1) await shake(round);
  const last = await page();
  assertHolds("the page", last, [marker]);
  assert.deepEqual(seriesOf(last), seriesOf(first));
});

test("a page of metrics is cheap enough for whoever may ask for it", async () => {
  const metrics = createMetrics(makeSources(() => leaderStatus));
  const begin = performance.now();
  const pages = 100;
  for (let i = 0; i < pages; i += 1) await metrics.render();
  const each = (performance.now() - begin) / pages;
  assert.ok(each < 50, `${each} ms`);
});
