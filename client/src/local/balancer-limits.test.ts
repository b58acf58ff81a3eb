import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { refuse, startBackend, until } from "../http/backend.test-kit.ts";
import { lead, problemOf, startBalancer, startPair } from "./balancer.test-kit.ts";
import type { Balancer } from "./balancer.ts";

test("requests beyond the limit are refused at once", async () => {
  const a = await startBackend("a");
  let release = (): void => {};
  a.behaviour = (_request, response) => {
    release = () => response.end("ok");
  };
  const balancer = await startBalancer([a], { requestsMax: 1 });
  const first = fetch(`${balancer.address}/one`);
  await a.gotRequests(1);
  const second = await fetch(`${balancer.address}/two`);
  assert.equal((await problemOf(second))["code"], "OVERLOADED");
  release();
  assert.equal(await (await first).text(), "ok");
});

test("the retry budget ends repetition", async () => {
  const [a, b] = [await startBackend("a"), await startBackend("b")];
  for (const node of [a, b]) node.behaviour = refuse("OVERLOADED");
  const balancer = await startBalancer([a, b], { retryBudgetMax: 2, retryBudgetRatio: 0 });
  for (let i = 0; i < 5; i += 1) await fetch(`${balancer.address}/v1/kv/k`);
  assert.equal(a.received.length + b.received.length, 7);
});

test("a client that goes away takes its request with it", async () => {
  const a = await startBackend("a");
  const broken = new Promise<void>((resolve) => {
    a.behaviour = (_request, response) => response.once("close", resolve);
  });
  const balancer = await startBalancer([a]);
  const request = httpRequest(`${balancer.address}/v1/watch`);
  request.on("error", () => {});
  request.end();
  await a.gotRequests(1);
  request.destroy();
  await broken;
  await until("nothing is under way", () => balancer.status().requestsUnderWay === 0);
  assert.equal(balancer.status().nodes[0]?.inFlight, 0);
  assert.equal(balancer.status().nodes[0]?.failed, 0, "the node is not to blame");
});

async function sendRaw(balancer: Balancer, text: string): Promise<string> {
  const { hostname, port } = new URL(balancer.address);
  const socket = connect(Number(port), hostname);
  socket.end(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

test("what is not HTTP, not a path or not a method is refused with a document", async () => {
  const a = await startBackend("a");
  const balancer = await startBalancer([a]);
  assert.match(await sendRaw(balancer, "nonsense\r\n\r\n"), /^HTTP\/1.1 400 [\s\S]*BAD_REQUEST/);
  const target = "GET http://elsewhere/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  assert.match(await sendRaw(balancer, target), /^HTTP\/1.1 400 [\s\S]*BAD_REQUEST/);
  const method = "PURGE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  assert.match(await sendRaw(balancer, method), /^HTTP\/1.1 405 [\s\S]*METHOD_NOT_ALLOWED/);
  const long = `GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(60_000)}\r\n\r\n`;
  assert.match(await sendRaw(balancer, long), /^HTTP\/1.1 431 [\s\S]*HEADERS_TOO_LARGE/);
  const both =
    "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
  assert.match(await sendRaw(balancer, both), /^HTTP\/1.1 400 /);
  assert.deepEqual(a.received, []);
});

test("the status page shows nodes, leader and totals", async () => {
  const { a, b, balancer } = await startPair();
  lead(a, [a, b]);
  await until("a leads", () => balancer.status().leader === a.url);
  await fetch(`${balancer.address}/v1/kv/k`);
  const page = await (await fetch(`${balancer.address}/balancer/status`)).json();
  const status = page as ReturnType<Balancer["status"]>;
  assert.equal(status.leader, a.url);
  assert.deepEqual(
    status.nodes.map(({ name, role, health }) => [name, role, health]),
    [
      ["a", "leader", "ready"],
      ["b", "follower", "ready"],
    ],
  );
  assert.equal(status.totals.requests, 2);
});

test("closing lets a request under way end, and cuts off what takes too long", async () => {
  const a = await startBackend("a");
  let release = (): void => {};
  a.behaviour = (_request, response) => {
    release = () => response.end("ok");
  };
  const balancer = await startBalancer([a], { closeGraceMs: 400 });
  const answer = fetch(`${balancer.address}/one`);
  await a.gotRequests(1);
  const closing = balancer.close();
  release();
  assert.equal(await (await answer).text(), "ok");
  await closing;
  await assert.rejects(fetch(`${balancer.address}/two`));

  const stuck = await startBalancer([a], { closeGraceMs: 100 });
  const cut = fetch(`${stuck.address}/three`);
  await a.gotRequests(2);
  await Promise.all([stuck.close(), assert.rejects(cut)]);
});
