/** Damaged and invented bytes: every decoder of this layer refuses with DecodeError or decodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { decodeCommand, encodeCommand, readHeader } from "./command-codec.ts";
import { encodeEventBlock } from "./event-block.test-kit.ts";
import { decodeEvent, decodeEventBlock } from "./event-codec.ts";
import { decodeEventKey, decodeHistoryKey, eventKey, historyKey } from "./key-space.ts";
import { type Draw, drawCommand, drawFrom, drawKey, seeded } from "./random-command.test-kit.ts";
import { decodeRecord, decodeVersion, encodeRecord, TOMBSTONE } from "./record-codec.ts";
import { toRevision } from "./types.ts";

const ROUNDS = 20_000;

const decoders: readonly ((bytes: Uint8Array) => unknown)[] = [
  decodeCommand,
  readHeader,
  decodeRecord,
  decodeVersion,
  decodeEvent,
  decodeEventBlock,
  decodeHistoryKey,
  decodeEventKey,
];

const header = { origin: 1, sequence: 2, timestampMs: 3 };

const drawValid = (draw: Draw): Uint8Array => {
  const revision = toRevision(1 + draw(1000));
  switch (draw(6)) {
    case 0:
      return historyKey({ era: revision, key: drawKey(draw), revision });
    case 1:
      return eventKey({ revision, sub: draw(5) });
    case 2:
      return TOMBSTONE;
    case 3: {
      const value = Uint8Array.of(1, 2, 3);
      const record = { createRevision: revision, modRevision: revision, version: 1, lease: 0 };
      return encodeRecord({ ...record, value });
    }
    case 4: {
      const event = { type: "put", key: drawKey(draw), previousRevision: revision } as const;
      return encodeEventBlock([
        { revision, sub: 0, ...event },
        { revision, sub: 1, ...event },
      ]);
    }
    default:
      return encodeCommand(header, drawCommand(draw, revision));
  }
};

const mutate = (draw: Draw, valid: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(valid);
  const changes = 1 + draw(3);
  for (let n = 0; n < changes; n += 1) bytes[draw(bytes.length)] = draw(256);
  if (draw(3) === 0) return bytes.subarray(0, draw(bytes.length + 1));
  return draw(5) === 0 ? Uint8Array.of(...bytes, draw(256)) : bytes;
};

const refusesOrDecodes = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    const input = Buffer.from(bytes).toString("hex");
    assert.ok(error instanceof DecodeError, `${decode.name}(${input}) threw ${error}`);
    return false;
  }
};

test("random bytes are refused with DecodeError", () => {
  const draw = drawFrom(seeded(2));
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = Uint8Array.from({ length: draw(60) }, () => draw(256));
    // Most formats begin with a version or tag of 1 to 4: let some pass that gate.
    if (draw(2) === 0 && bytes.length > 1) bytes.set([1 + draw(4), draw(7)]);
    for (const decode of decoders) refusesOrDecodes(decode, bytes);
  }
});

test("mutated bytes are refused with DecodeError or decode to something", () => {
  const draw = drawFrom(seeded(3));
  let refused = 0;
  let decoded = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = mutate(draw, drawValid(draw));
    for (const decode of decoders) {
      if (refusesOrDecodes(decode, bytes)) decoded += 1;
      else refused += 1;
    }
  }
  // A fuzz that only ever refuses, or never does, tests one branch.
  assert.ok(refused > ROUNDS && decoded > ROUNDS / 10, `${refused} refused, ${decoded} decoded`);
});
