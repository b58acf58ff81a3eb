import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

test("every field survives the growth of the buffer under it", () => {
  for (let capacity = 0; capacity < 40; capacity += 1) {
    const bytes = new ByteWriter(capacity)
      .u8(1)
      .u16(0x0203)
      .u32(0x0405_0607)
      .u64(Number.MAX_SAFE_INTEGER)
      .bytes(Uint8Array.of(8, 9))
      .text("é")
      .raw(Uint8Array.of(10))
      .finish();
    const reader = new ByteReader(bytes);
    assert.equal(reader.u8(), 1);
    assert.equal(reader.u16(), 0x0203);
    assert.equal(reader.u32(), 0x0405_0607);
    assert.equal(reader.u64(), Number.MAX_SAFE_INTEGER);
    assert.deepEqual(reader.bytes(), Uint8Array.of(8, 9));
    assert.equal(reader.text(), "é");
    assert.deepEqual(reader.raw(1), Uint8Array.of(10));
    reader.end();
  }
});

test("pooled writers share memory and never touch each other's part", () => {
  const first = new ByteWriter(8, "pooled").u32(1);
  const second = new ByteWriter(8, "pooled").u32(2).u32(3);
  first.u32(4);
  // Outgrows its part, which ends where the second one's begins.
  first.u32(5);
  const third = new ByteWriter(4, "pooled").u32(6);
  const results = [first, second, third].map((writer) => [...writer.finish()]);
  assert.deepEqual(results, [
    [0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 5],
    [0, 0, 0, 2, 0, 0, 0, 3],
    [0, 0, 0, 6],
  ]);
  assert.equal(second.finish().buffer, third.finish().buffer);
});

test("what is pooled stays as it was while many others are made", () => {
  const kept = Array.from({ length: 500 }, (_, n) => new ByteWriter(300, "pooled").u32(n).finish());
  assert.deepEqual(
    kept.map((bytes) => new ByteReader(bytes).u32()),
    kept.map((_, n) => n),
  );
});

test("a large writer has memory of its own, pooled or not", () => {
  const bytes = new ByteWriter(100_000, "pooled").raw(new Uint8Array(100_000)).finish();
  assert.equal(bytes.buffer.byteLength, bytes.length);
});
