/** "In a clean clone `make run` shows the sample operations and stays up" (issue 3, done when). */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "../cluster/polling.test-kit.ts";
import { Newcomer } from "./newcomer.test-kit.ts";

const WITH_TOKEN = '-H "Authorization: Bearer $KV_TOKEN"';

interface Page {
  readonly revision: number;
  readonly items: readonly { readonly key: string }[];
  readonly continue?: string;
}

let user: Newcomer;
before(async () => {
  user = await Newcomer.arrive();
});
after(() => user.leave());

/** One request with curl, as a user types it. */
const send = (options: string, path: string): ReturnType<Newcomer["curl"]> =>
  user.curl(`curl ${options} "${user.balancer}${path}"`);
const put = (key: string, value: string): ReturnType<Newcomer["curl"]> =>
  send(`${WITH_TOKEN} -X PUT --data-binary ${value}`, `/v1/kv/${key}`);
const get = (key: string): ReturnType<Newcomer["curl"]> => send(WITH_TOKEN, `/v1/kv/${key}`);

test("it installs what it needs, shows samples, and stays up", async (t) => {
  const startedMs = performance.now();
  await user.makeRun();
  t.diagnostic(`first make run: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  assert.match(user.output, /Installing dependencies/);
  assert.doesNotMatch(user.output, /\(expected /, "a sample did not do what it should");
  assert.equal(user.pids().length, 3);
});

test("every line that it shows works when it is pasted", async () => {
  const curls = user.shownLines("curl");
  assert.equal(curls.length, 4, user.output);
  const answers = [];
  for (const line of curls) answers.push(await user.curl(line));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 200, 200, 200],
  );
  assert.match(answers[1]?.body ?? "", /^etag: "\d+"\r?$/im);
  assert.match(answers[1]?.body ?? "", /^x-kv-revision: \d+\r?$/im);
  assert.match(answers[1]?.body ?? "", /hello$/);
  const [kvStatus] = user.shownLines("npx");
  const { code, stdout, stderr } = await user.paste(kvStatus ?? "");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /node-3 +voter/);
});

test("the README's lines do what it says", async () => {
  const answers = [];
  for (const line of user.readmeLines()) answers.push(await user.curl(line));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 200, 412, 200, 200],
  );
  assert.match(answers[1]?.body ?? "", /blue$/);
  assert.equal(JSON.parse(answers[2]?.body ?? "").code, "CONDITION_FAILED");
});

test("a stale compare-and-set is refused", async () => {
  const { revision } = JSON.parse((await put("e2e/cas", "1")).body);
  const change = (value: string): ReturnType<Newcomer["curl"]> =>
    send(`${WITH_TOKEN} -X PUT -H 'If-Match: "${revision}"' -d ${value}`, "/v1/kv/e2e/cas");
  assert.equal((await change("2")).status, 200);
  const stale = await change("3");
  assert.deepEqual([stale.status, JSON.parse(stale.body).code], [412, "CONDITION_FAILED"]);
  assert.equal((await get("e2e/cas")).body, "2");
});

test("a prefix is listed in pages, and keys are deleted", async () => {
  for (const name of ["a", "b", "c", "d", "e"]) await put(`e2e/page/${name}`, name);
  const keys: string[] = [];
  let next = "";
  for (let pages = 1; ; pages += 1) {
    const answer = await send(WITH_TOKEN, `/v1/kv?prefix=e2e/page/&limit=2${next}`);
    const page: Page = JSON.parse(answer.body);
    keys.push(...page.items.map(({ key }) => key));
    if (page.continue === undefined) {
      assert.equal(pages, 3);
      break;
    }
    next = `&continue=${encodeURIComponent(page.continue)}`;
  }
  assert.deepEqual(
    keys,
    ["a", "b", "c", "d", "e"].map((name) => `e2e/page/${name}`),
  );
  assert.equal((await send(`${WITH_TOKEN} -X DELETE`, "/v1/kv/e2e/page/a")).status, 200);
  assert.equal((await get("e2e/page/a")).status, 404);
  assert.equal((await send(`${WITH_TOKEN} -X DELETE`, "/v1/kv/e2e/page/a")).status, 404);
});

test("401 without a token and with a bad one, 403 beyond the prefix", async () => {
  assert.equal((await send("", "/v1/kv/e2e/cas")).status, 401);
  assert.equal((await send("-H 'Authorization: Bearer x.y.z'", "/v1/kv/e2e/cas")).status, 401);
  const secret = "--secret-file .data/secrets/jwt-secret";
  const minted = await user.paste(`npx kv token ${secret} --prefix e2e/ --verbs read --ttl 1h`);
  assert.equal(minted.code, 0, minted.stderr);
  const narrow = `-H "Authorization: Bearer ${minted.stdout.trim()}"`;
  assert.equal((await send(narrow, "/v1/kv/e2e/cas")).status, 200);
  assert.equal((await send(narrow, "/v1/kv/greeting")).status, 403);
  assert.equal((await send(`${narrow} -X PUT -d x`, "/v1/kv/e2e/cas")).status, 403);
});

test("kill -9 of any node, then of all, loses nothing that was acknowledged", async () => {
  assert.ok([200, 201].includes((await put("e2e/killed", "before")).status));
  for (const victims of [[0], [1], [2], [0, 1, 2]]) {
    const pids = user.pids();
    for (const victim of victims) process.kill(pids[victim] ?? assert.fail("no pid"), "SIGKILL");
    const name = `kill-${victims.join("-")}`;
    await eventually(`${name} is written`, async () => {
      const { status } = await put(`e2e/${name}`, "after");
      return status === 200 || status === 201;
    });
    assert.equal((await get("e2e/killed")).body, "before");
    await eventually("three nodes run and are ready", async () => {
      const { body } = await send("", "/balancer/status");
      const nodes: { health: string }[] = JSON.parse(body).nodes;
      return user.pids().length === 3 && nodes.every(({ health }) => health === "ready");
    });
  }
});

test("Ctrl-C stops everything; the second start is quick and finds the data", async (t) => {
  const pids = user.pids();
  await user.interrupt();
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  assert.deepEqual(user.pids(), []);
  const startedMs = performance.now();
  await user.makeRun();
  t.diagnostic(`second make run: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  assert.doesNotMatch(user.output, /Installing dependencies|Making a new cluster/);
  assert.equal((await get("e2e/killed")).body, "before");
  assert.equal((await get("e2e/kill-0-1-2")).body, "after");
  assert.equal((await get("e2e/cas")).body, "2");
  await user.interrupt();
});
