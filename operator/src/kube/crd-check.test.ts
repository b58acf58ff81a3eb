import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { schemaVersion, schemaVersionAnnotation } from "../model/index.ts";
import { type CrdFault, checkCrd } from "./crd-check.ts";
import { type Exchange, ManualClock, ScriptedApiServer } from "./scripted-api-server.test-kit.ts";

async function check(
  t: TestContext,
  answer: (request: Exchange) => void,
): Promise<CrdFault | null> {
  const server = await ScriptedApiServer.start(t);
  const checked = checkCrd(server.connect(new ManualClock()));
  const request = await server.next();
  assert.match(request.path, /customresourcedefinitions\/kvclusters\.kvcluster\.io$/);
  answer(request);
  return await checked;
}

const withVersion =
  (version: string) =>
  (request: Exchange): void =>
    request.reply(200, { metadata: { annotations: { [schemaVersionAnnotation]: version } } });

test("a CRD of our schema version or a newer one is fine", async (t) => {
  assert.equal(await check(t, withVersion(`${schemaVersion}`)), null);
  assert.equal(await check(t, withVersion(`${schemaVersion + 1}`)), null);
});

test("an older, a foreign or an absent CRD is told apart, with what to do", async (t) => {
  const older = await check(t, withVersion(`${schemaVersion - 1}`));
  const foreign = await check(t, (request) => request.reply(200, { metadata: {} }));
  const absent = await check(t, (request) => request.refuse(404, "NotFound"));
  assert.equal(foreign?.code, "CRD_UNVERSIONED");
  assert.equal(absent?.code, "CRD_ABSENT");
  assert.ok(older !== null);
  for (const fault of [older, foreign, absent]) assert.match(fault.message, /crds\.create=true/);
});

test("an API server that does not tell is no absent CRD", async (t) => {
  const refuse = (request: Exchange): void => request.refuse(403, "Forbidden");
  await assert.rejects(check(t, refuse), { code: "forbidden" });
});
