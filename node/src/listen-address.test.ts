import assert from "node:assert/strict";
import { test } from "node:test";
import { listenAddress, usableListeners } from "./listen-address.ts";

const every = { http: "[::]:5000", peer: "[::]:5100", metrics: "[::]:8000" };

test("an address is split, also one in brackets", () => {
  assert.deepEqual(listenAddress("127.0.0.1:5000"), { host: "127.0.0.1", port: 5000 });
  assert.deepEqual(listenAddress("[::]:0"), { host: "::", port: 0 });
});

test("every address is that of IPv4 on a machine without IPv6", async () => {
  assert.deepEqual(await usableListeners(every, async () => false), {
    http: "0.0.0.0:5000",
    peer: "0.0.0.0:5100",
    metrics: "0.0.0.0:8000",
  });
  assert.equal(await usableListeners(every, async () => true), every);
});

test("an address that names its host is what it says, and nothing is tried", async () => {
  const named = { http: "[::1]:5000", peer: "10.0.0.1:5100", metrics: "localhost:8000" };
  const usable = await usableListeners(named, () => assert.fail("it was tried"));
  assert.equal(usable, named);
});

test("this machine's own answer is one that it can listen on", async () => {
  const { http } = await usableListeners(every);
  assert.match(http, /^(\[::\]|0\.0\.0\.0):5000$/);
});
