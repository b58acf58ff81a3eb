import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock, ScriptedApiServer } from "./scripted-api-server.test-kit.ts";
import { TokenIssuer } from "./token-issuer.ts";

const ISSUER = "https://kubernetes.default.svc";
const alive = new AbortController().signal;

interface Bench {
  readonly server: ScriptedApiServer;
  readonly issuer: TokenIssuer;
  readonly changes: () => number;
  readonly failures: string[];
}

async function start(t: TestContext): Promise<Bench> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  let changes = 0;
  const failures: string[] = [];
  const issuer = new TokenIssuer({
    ...{ connection: server.connect(clock), clock },
    onChange: () => changes++,
    onFailure: ({ code }) => failures.push(code),
  });
  return { server, issuer, changes: () => changes, failures };
}

async function reading({ server, issuer }: Bench, keys: readonly object[]): Promise<void> {
  const done = issuer.refresh(alive);
  const discovery = await server.next();
  assert.equal(discovery.path, "/.well-known/openid-configuration");
  discovery.reply(200, { issuer: ISSUER, jwks_uri: "https://elsewhere/jwks" });
  const jwks = await server.next();
  assert.equal(jwks.path, "/openid/v1/jwks");
  jwks.reply(200, { keys });
  await done;
}

const kids = ({ issuer }: Bench): unknown => {
  const { view } = issuer;
  if (view.type === "unknown") return view.why;
  return Object(JSON.parse(view.jwks)).keys.map((key: { kid: string }) => key.kid);
};

test("issuer and keys are read from the API server itself", async (t) => {
  const bench = await start(t);
  assert.equal(bench.issuer.view.type, "unknown");
  await reading(bench, [{ kty: "RSA", kid: "a" }]);
  assert.deepEqual(bench.issuer.view, {
    type: "known",
    issuer: ISSUER,
    jwks: '{"keys":[{"kid":"a","kty":"RSA"}]}',
  });
  assert.equal(bench.changes(), 1);
});

test("the same keys in another order are no change", async (t) => {
  const bench = await start(t);
  await reading(bench, [{ kty: "RSA", kid: "a" }, { kid: "b" }]);
  await reading(bench, [{ kid: "b" }, { kid: "a", kty: "RSA" }]);
  assert.equal(bench.changes(), 1);
});

test("a failure keeps what was known", async (t) => {
  const bench = await start(t);
  await reading(bench, [{ kid: "a" }]);
  const done = bench.issuer.refresh(alive);
  (await bench.server.next()).refuse(403, "Forbidden");
  await done;
  assert.deepEqual([kids(bench), bench.failures], [["a"], ["forbidden"]]);
});

test("a failure before anything is known tells why", async (t) => {
  const bench = await start(t);
  const done = bench.issuer.refresh(alive);
  (await bench.server.next()).refuse(403, "Forbidden");
  await done;
  assert.match(String(kids(bench)), /openid-configuration answered 403 Forbidden/);
});

test("a new key counts at once, an old one goes when it is missing twice", async (t) => {
  const bench = await start(t);
  await reading(bench, [{ kid: "a" }]);
  await reading(bench, [{ kid: "b" }]);
  assert.deepEqual(kids(bench), ["a", "b"]);
  await reading(bench, [{ kid: "b" }]);
  assert.deepEqual(kids(bench), ["b"]);
});

test("an answer without keys never empties what nodes believe", async (t) => {
  const bench = await start(t);
  await reading(bench, [{ kid: "a" }]);
  await reading(bench, []);
  await reading(bench, []);
  assert.deepEqual([kids(bench), bench.failures], [["a"], ["malformed", "malformed"]]);
});

test("keys are read again every five minutes, and sooner while nothing is known", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const connection = server.connect(clock);
  const issuer = new TokenIssuer({ connection, clock, onChange: () => undefined });
  const stop = new AbortController();
  const ended = issuer.run(stop.signal);
  (await server.next()).refuse(403, "Forbidden");
  await clock.timer(15_000);
  clock.advance(15_000);
  (await server.next()).reply(200, { issuer: ISSUER });
  (await server.next()).reply(200, { keys: [{ kid: "a" }] });
  await clock.timer(300_000);
  stop.abort();
  await ended;
  assert.deepEqual(clock.waiting, []);
});
