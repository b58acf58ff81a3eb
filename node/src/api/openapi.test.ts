import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { makeApi } from "./api.test-kit.ts";
import { apiRoutes } from "./create.ts";
import { ApiServer } from "./http-server.ts";
import { planOf, type Route } from "./route.ts";
import { frameworkPath } from "./router.ts";

test("the document is valid OpenAPI 3.1 and answers without a token", async () => {
  await using api = await makeApi();
  const response = await api.server.app.inject({ url: "/openapi.json" });
  assert.equal(response.statusCode, 200);
  const outcome = await new Validator().validate(response.json());
  assert.deepEqual(outcome.errors ?? [], []);
  assert.equal(outcome.valid, true);
});

test("the document has every registered route and no other", async () => {
  await using api = await makeApi();
  const { paths } = (await api.server.app.inject({ url: "/openapi.json" })).json();
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(Object(operations)).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const declared = apiRoutes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(documented.sort(), declared.sort());
  for (const { method, path } of apiRoutes) {
    assert.ok(api.server.app.hasRoute({ method, url: frameworkPath(path) }), `${method} ${path}`);
  }
});

test("operation ids are unique, references resolve, every parameter is described", async () => {
  await using api = await makeApi();
  const document = (await api.server.app.inject({ url: "/openapi.json" })).json();
  const text = JSON.stringify(document);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([A-Za-z]+)"/g)) {
    assert.ok(name in document.components.schemas, name);
  }
  const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids.length, apiRoutes.length);
  for (const { path, method, doc, query } of apiRoutes) {
    const named = (doc.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
    const inPath = [...path.matchAll(/\{([a-zA-Z]+)\}/g)].map(([, name]) => name);
    assert.deepEqual(named, inPath, `${method} ${path}`);
    const queries = (doc.parameters ?? []).filter((one) => one.in === "query");
    const known = queries.map(({ name }) => name).filter((name) => name !== "timeout");
    assert.deepEqual(known.sort(), [...query].sort(), `${method} ${path}`);
  }
});

test("a route without a verb, or declared twice, is refused at registration", async () => {
  await using api = await makeApi();
  const route: Route = {
    method: "GET",
    path: "/v1/open",
    access: "public",
    body: "none",
    mutates: false,
    query: [],
    doc: { summary: "", answers: {} },
    plan: () => planOf("public", () => Promise.reject(new Error("never"))),
  };
  const { setup } = api;
  assert.throws(() => new ApiServer({ ...setup, routes: [route] }), /declares no verb/);
  const twice = { ...route, path: "/open" };
  assert.throws(() => new ApiServer({ ...setup, routes: [twice, twice] }), /declared twice/);
  assert.throws(() => {
    api.server.app.get("/v1/behind-the-table", () => "open");
  }, /declares no verb/);
  const config = { access: "read" } as const;
  for (const hook of [{}, { onRequest: (_: unknown, __: unknown, done: () => void) => done() }]) {
    assert.throws(() => {
      api.server.app.get("/v1/with-a-gate-of-its-own", { config, ...hook }, () => "open");
    }, /has not the gate/);
  }
});

test("a route whose plan needs less than it declares does not run", async () => {
  await using api = await makeApi();
  let ran = false;
  const run = async (): Promise<never> => {
    ran = true;
    throw new Error("ran");
  };
  const base = { method: "GET", access: "write", body: "none", mutates: true, query: [] } as const;
  const doc = { summary: "", answers: {} };
  const routes: Route[] = [
    { ...base, doc, path: "/v1/nothing", plan: () => ({ needs: [], run }) },
    { ...base, doc, path: "/v1/other", plan: () => planOf("read", run) },
  ];
  const server = new ApiServer({ ...api.setup, routes });
  for (const url of ["/v1/nothing", "/v1/other"]) {
    const response = await server.app.inject({ url, headers: { authorization: api.bearer() } });
    assert.equal(response.statusCode, 500);
  }
  assert.equal(ran, false);
  await server.close();
});
