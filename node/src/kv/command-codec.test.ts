import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { decodeCommand, encodeCommand, readHeader, stampTimestamp } from "./command-codec.ts";
import { drawCommand, drawFrom, seeded } from "./random-command.test-kit.ts";
import type { Command, CommandHeader } from "./types.ts";
import { toRevision } from "./types.ts";

const header: CommandHeader = {
  origin: 2 ** 48 - 1,
  sequence: 2 ** 32 - 1,
  timestampMs: 1_790_000_000_123,
};
const compact: Command = { type: "compact", revision: toRevision(7) };

test("a command decodes to what was encoded", () => {
  const draw = drawFrom(seeded(1));
  for (let round = 0; round < 2000; round += 1) {
    const command = drawCommand(draw, draw(100));
    const encoded = encodeCommand(header, command);
    assert.deepEqual(decodeCommand(encoded), { header, command });
    assert.deepEqual(readHeader(encoded), header);
  }
});

test("the leader's time is stamped in place and changes nothing else", () => {
  const command: Command = {
    type: "put",
    key: Uint8Array.of(1),
    value: Uint8Array.of(2, 3),
    condition: { type: "modRevision", revision: toRevision(2 ** 52) },
  };
  // A view with an offset, as a proposal from the network is.
  const bytes = new Uint8Array(100);
  const encoded = encodeCommand(header, command);
  bytes.set(encoded, 31);
  const view = bytes.subarray(31, 31 + encoded.length);
  const timestampMs = 2 ** 40 + 5;
  stampTimestamp(view, timestampMs);
  assert.deepEqual(decodeCommand(view), { header: { ...header, timestampMs }, command });
});

test("the format on disk is what release 1 wrote", () => {
  const put: Command = {
    type: "put",
    key: Uint8Array.of(0x6b),
    value: Uint8Array.of(0x76),
    condition: { type: "modRevision", revision: toRevision(5) },
  };
  const fixed: CommandHeader = { origin: 0x0102_0304_0506, sequence: 7, timestampMs: 8 };
  assert.equal(
    Buffer.from(encodeCommand(fixed, put)).toString("hex"),
    "0101000001020304050600000007000000000000000800000001" + "6b030000000000000005" + "0000000176",
  );
});

test("numbers outside of their field and empty keys are refused when encoding", () => {
  const none = { type: "none" } as const;
  const empty = new Uint8Array(0);
  for (const command of [
    { type: "delete", key: empty, condition: none },
    { type: "put", key: empty, value: empty, condition: none },
    { type: "batch", operations: [{ type: "delete", key: empty }] },
    { type: "verifyHash", index: -1, hash: 0 },
    { type: "verifyHash", index: 1, hash: 2 ** 32 },
    { type: "deleteRange", start: empty, end: empty, keysMax: 2 ** 32 },
  ] satisfies Command[]) {
    assert.throws(() => encodeCommand(header, command), RangeError);
  }
  assert.throws(() => encodeCommand({ ...header, origin: 2 ** 48 }, compact), RangeError);
  assert.throws(() => encodeCommand({ ...header, sequence: 2 ** 32 }, compact), RangeError);
  assert.throws(() => encodeCommand({ ...header, timestampMs: 0.5 }, compact), RangeError);
});

test("a version, a type or a byte too many that this release does not know is refused", () => {
  const encoded = encodeCommand(header, compact);
  const version = Uint8Array.from(encoded);
  version[0] = 2;
  const type = Uint8Array.from(encoded);
  type[1] = 99;
  for (const bytes of [version, type, Uint8Array.of(...encoded, 0), encoded.subarray(0, 21)]) {
    assert.throws(() => decodeCommand(bytes), DecodeError);
  }
  assert.throws(() => readHeader(version), DecodeError);
  assert.throws(() => stampTimestamp(version, 1), DecodeError);
  assert.throws(() => stampTimestamp(encoded.subarray(0, 21), 1), DecodeError);
});

test("a batch that claims more operations than its bytes can hold is refused at once", () => {
  const encoded = encodeCommand(header, { type: "batch", operations: [] });
  const bytes = Uint8Array.from(encoded);
  new DataView(bytes.buffer).setUint32(22, 0xffff_ffff);
  assert.throws(() => decodeCommand(bytes), /4294967295 operations do not fit/);
});
