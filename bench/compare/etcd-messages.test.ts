/** etcd's messages byte by byte, as protobuf lays them out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { grpcMessage, readRangePage } from "./etcd-messages.ts";
import { SendWindow } from "./send-window.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

test("a put has key and value", () => {
  const message = grpcMessage({ kind: "put", key: "ab", value: Buffer.from("c") });
  assert.deepEqual(message, bytes("00 00000007  0a 02 6162  12 01 63"));
});

test("a length above 127 takes two bytes", () => {
  const message = grpcMessage({ kind: "put", key: "a", value: Buffer.alloc(300) });
  assert.deepEqual(message.subarray(0, 11), bytes("00 00000132  0a 01 61  12 ac 02"));
});

test("a batch is a transaction whose success puts all", () => {
  const puts = [{ key: "a", value: Buffer.from("b") }];
  const message = grpcMessage({ kind: "batch", puts });
  assert.deepEqual(message, bytes("00 0000000a  12 08 12 06 0a 01 61 12 01 62"));
});

test("the first page names no revision, the next one starts after the last key", () => {
  const first = grpcMessage({ kind: "page", prefix: "k-", limit: 2, after: null });
  assert.deepEqual(first.subarray(5), bytes("0a 02 6b2d  12 02 6b2e  18 02"));
  const next = grpcMessage({ kind: "page", prefix: "k-", limit: 2, after: "7:k-1" });
  assert.deepEqual(next.subarray(5), bytes("0a 04 6b2d31 00  12 02 6b2e  18 02  20 07"));
});

test("a page tells its keys, its revision and where it goes on", () => {
  const request = { prefix: "k-", limit: 2, after: null };
  const header = "0a 02 18 07";
  const rows = "12 07 0a 03 6b2d30 10 01  12 07 0a 03 6b2d31 10 01";
  const more = readRangePage(request, bytes(`00 00000000 ${header} ${rows} 18 01 20 05`));
  assert.deepEqual(more, { revision: 7, keys: 2, next: "7:k-1" });
  const last = readRangePage({ ...request, after: "7:k-1" }, bytes(`00 00000000 0a 02 18 09`));
  assert.deepEqual(last, { revision: 7, keys: 0, next: null });
});

test("a window gives what the smaller of stream and connection allows, a frame at a time", () => {
  const window = new SendWindow();
  window.setInitial(20_000);
  window.nextStream();
  assert.deepEqual([window.take(50_000), window.take(50_000)], [16_384, 3_616]);
  assert.equal(window.take(1), 0);
  window.openStream(10);
  assert.equal(window.take(50_000), 10);
  window.nextStream();
  for (let sent = 20_010; sent < 65_535; ) {
    window.openStream(16_384);
    sent += window.take(65_535 - sent);
  }
  assert.equal(window.take(1), 0, "the connection's window is used up");
  window.openConnection(1);
  assert.equal(window.take(1), 1);
});
