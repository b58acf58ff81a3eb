import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addMemberAnswerSchema,
  clusterStatusSchema,
  type JsonSchema,
  memberListSchema,
  nodeIdentitySchema,
  nodeStatusSchema,
  readinessSchema,
  stateHashSchema,
} from "@kvcluster/protocol";
import Value from "typebox/value";
import { clusterId, makeApi, problemOf } from "./api.test-kit.ts";

const assertMatches = (schema: JsonSchema<unknown>, value: unknown): void => {
  assert.deepEqual([...Value.Errors(schema, value)], []);
};

const learner = {
  name: "node-2",
  peerAddress: "127.0.0.1:5102",
  clientAddress: "http://127.0.0.1:5002",
};

test("the cluster shows node, leader and members with what the leader knows", async () => {
  await using api = await makeApi();
  const response = await api.send({ url: "/v1/cluster" });
  const body = response.json();
  assertMatches(clusterStatusSchema, body);
  assert.equal(body.clusterId, clusterId);
  assert.deepEqual(body.leader, { id: 1, name: "node-1" });
  assert.equal(body.node.role, "leader");
  assert.deepEqual(body.members, [
    {
      id: 1,
      name: "node-1",
      role: "voter",
      peerAddress: "127.0.0.1:5101",
      clientAddress: "http://127.0.0.1:5001",
      matchIndex: 1,
      healthy: true,
    },
  ]);
});

test("a member is admitted, promoted, moved, demoted and removed, by id or by name", async () => {
  await using api = await makeApi();
  const send = (method: "POST" | "PATCH" | "DELETE", path: string, payload?: object) =>
    api.send({ method, url: `/v1/cluster/members${path}`, ...(payload && { payload }) });
  const added = await send("POST", "", learner);
  assert.equal(added.statusCode, 201);
  const body = added.json();
  assertMatches(addMemberAnswerSchema, body);
  assert.equal(body.nodeId, body.index);
  assert.deepEqual(
    body.members.map(({ name }: { name: string }) => name),
    ["node-1", "node-2"],
  );
  assert.equal((await send("POST", `/${body.nodeId}/promote`)).statusCode, 200);
  assert.equal((await send("POST", "/node-2/demote")).statusCode, 200);
  const moved = await send("PATCH", "/node-2", { peerAddress: "10.0.0.2:5100" });
  assert.equal(moved.statusCode, 200);
  const members = (await api.send({ url: "/v1/cluster/members" })).json();
  assertMatches(memberListSchema, members);
  assert.equal(members.members[1].peerAddress, "10.0.0.2:5100");
  assert.equal(members.members[1].clientAddress, learner.clientAddress);
  assert.equal((await send("DELETE", "/node-2")).statusCode, 200);
  assert.equal(problemOf(await send("DELETE", "/node-2")).code, "MEMBER_NOT_FOUND");
  assert.equal(problemOf(await send("POST", "/99/promote")).code, "MEMBER_NOT_FOUND");
});

test("the answer to adding a member is the body of its join", async () => {
  await using leader = await makeApi();
  await using blank = await makeApi();
  blank.node.makeBlank();
  const url = "/v1/cluster/members";
  const { index, ...join } = (await leader.send({ method: "POST", url, payload: learner })).json();
  const request = { method: "POST", url: "/v1/cluster/join", payload: join } as const;
  const joined = await blank.send(request);
  assert.equal(joined.statusCode, 200, joined.body);
  assertMatches(nodeIdentitySchema, joined.json());
  assert.equal(joined.json().nodeId, index);
  assert.equal(problemOf(await blank.send(request)).code, "ALREADY_BOOTSTRAPPED");
});

test("a blank node serves no data, bootstraps once, then serves", async () => {
  await using api = await makeApi();
  api.node.makeBlank();
  assert.equal(problemOf(await api.send({ url: "/v1/kv/a" })).code, "NOT_BOOTSTRAPPED");
  assert.equal(problemOf(await api.send({ url: "/v1/cluster" })).code, "NOT_BOOTSTRAPPED");
  assert.equal((await api.send({ url: "/v1/status" })).json().phase, "blank");
  const bootstrap = { method: "POST", url: "/v1/cluster/bootstrap" } as const;
  assert.equal((await api.send(bootstrap)).statusCode, 200);
  assert.equal(problemOf(await api.send(bootstrap)).code, "ALREADY_BOOTSTRAPPED");
  assert.equal((await api.send({ url: "/v1/kv/a" })).statusCode, 404);
});

test("addresses and names that nobody could use are refused", async () => {
  await using api = await makeApi();
  const wrong = [
    { ...learner, name: "Node 2" },
    { ...learner, peerAddress: "127.0.0.1" },
    { ...learner, peerAddress: "127.0.0.1:0" },
    { ...learner, peerAddress: "127.0.0.1:70000" },
    { ...learner, peerAddress: "http://127.0.0.1:1" },
    { ...learner, clientAddress: "127.0.0.1:5002" },
    { ...learner, clientAddress: "http://user:pass@host" },
    { ...learner, clientAddress: "http://host/path" },
    { name: "node-2" },
  ];
  for (const payload of wrong) {
    const response = await api.send({ method: "POST", url: "/v1/cluster/members", payload });
    assert.equal(problemOf(response).code, "INVALID_BODY", JSON.stringify(payload));
  }
  const patch = { method: "PATCH", url: "/v1/cluster/members/1", payload: {} } as const;
  assert.equal(problemOf(await api.send(patch)).code, "INVALID_BODY");
});

test("leadership goes to a member by id or name; an empty body means the best one", async () => {
  await using api = await makeApi();
  const transfer = (payload?: object) =>
    api.send({ method: "POST", url: "/v1/cluster/leader", ...(payload && { payload }) });
  const leader = { leader: { id: 1, name: "node-1" } };
  assert.deepEqual((await transfer()).json(), leader);
  assert.deepEqual((await transfer({ target: 1 })).json(), leader);
  assert.deepEqual((await transfer({ target: "node-1" })).json(), leader);
  assert.equal(problemOf(await transfer({ target: "node-9" })).code, "MEMBER_NOT_FOUND");
  assert.equal(problemOf(await transfer({ target: true })).code, "INVALID_BODY");
});

test("a drained node fails readiness and still serves", async () => {
  await using api = await makeApi();
  const ready = await api.send({ url: "/readyz" });
  assert.equal(ready.statusCode, 200);
  assertMatches(readinessSchema, ready.json());
  assert.deepEqual(ready.json(), {
    ready: true,
    node: "node-1",
    role: "leader",
    phase: "serving",
    leader: { name: "node-1", clientAddress: "http://127.0.0.1:5001" },
    reasons: [],
  });
  const drained = await api.send({ method: "POST", url: "/v1/cluster/drain" });
  assert.equal(drained.statusCode, 200);
  const after = await api.send({ url: "/readyz?verbose" });
  assert.equal(after.statusCode, 503);
  assertMatches(readinessSchema, after.json());
  assert.deepEqual(after.json().reasons, ["this node is draining"]);
  assert.ok(after.json().checks.length > 3);
  const put = await api.send({ method: "PUT", url: "/v1/kv/a", payload: "1" });
  assert.equal(put.statusCode, 201);
});

test("probes need no token; liveness does not depend on the replica", async () => {
  await using api = await makeApi();
  const probe = (url: string) => api.server.app.inject({ url });
  api.node.phaseNow = "starting";
  assert.equal((await probe("/livez")).statusCode, 200);
  assert.equal((await probe("/startupz")).statusCode, 503);
  assert.equal((await probe("/readyz")).statusCode, 503);
  api.node.phaseNow = "corrupt";
  assert.equal((await probe("/livez?verbose")).statusCode, 200);
  assert.equal((await probe("/startupz")).statusCode, 200);
  api.node.phaseNow = "serving";
  api.node.memory.ready = false;
  const unready = await probe("/readyz");
  assert.equal(unready.statusCode, 503);
  assert.deepEqual(unready.json().reasons, ["no linearizable read has succeeded yet"]);
  const metrics = await probe("/metrics");
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4");
  assert.equal(metrics.body, "up 1\n");
});

test("status shows the effective configuration and no secret", async () => {
  await using api = await makeApi();
  const response = await api.send({ url: "/v1/status" });
  assertMatches(nodeStatusSchema, response.json());
  assert.equal(response.json().config["limits.keyBytesMax"], 4096);
  const hash = await api.send({ url: "/v1/maintenance/hash" });
  assertMatches(stateHashSchema, hash.json());
});

test("a read-write token is refused by every administrative route", async () => {
  await using api = await makeApi();
  const headers = { authorization: api.bearer([{ prefix: "", verbs: ["read", "write"] }]) };
  for (const url of ["/v1/cluster", "/v1/status", "/v1/maintenance/hash"]) {
    assert.equal((await api.send({ url, headers })).statusCode, 403, url);
  }
});
