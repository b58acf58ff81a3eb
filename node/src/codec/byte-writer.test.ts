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
