import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { type Configuration, decodeConfiguration, encodeConfiguration, toNodeId } from "./index.ts";
import { seededRandom } from "./random-run.test-kit.ts";
import { testMember } from "./test-cluster.test-kit.ts";

const configuration: Configuration = {
  members: [
    testMember(1),
    { ...testMember(2, "learner"), name: "näme", demoted: true },
    { ...testMember(2 ** 40, "learner") },
  ],
};

test("a configuration survives its bytes, learners and demotions included", () => {
  assert.deepEqual(decodeConfiguration(encodeConfiguration(configuration)), configuration);
  assert.deepEqual(decodeConfiguration(encodeConfiguration({ members: [] })), { members: [] });
});

test("version 1 is read as it was first written", () => {
  const bytes = Uint8Array.from([
    1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x70, 0, 0, 0, 1, 0x63,
  ]);
  const member = { id: toNodeId(5), name: "a", peerAddress: "p", clientAddress: "c" };
  assert.deepEqual(decodeConfiguration(bytes), { members: [{ ...member, role: "learner" }] });
  assert.deepEqual(encodeConfiguration(decodeConfiguration(bytes)), bytes);
});

test("an unknown version or role, members out of order and left-over bytes are refused", () => {
  const bytes = encodeConfiguration(configuration);
  const damaged = (at: number, value: number): Uint8Array => bytes.with(at, value);
  assert.throws(() => decodeConfiguration(damaged(0, 2)), DecodeError);
  assert.throws(() => decodeConfiguration(damaged(11, 9)), DecodeError);
  assert.throws(() => decodeConfiguration(damaged(10, 9)), DecodeError);
  assert.throws(() => decodeConfiguration(damaged(10, 0)), DecodeError);
  assert.throws(() => decodeConfiguration(new Uint8Array([...bytes, 0])), DecodeError);
});

test("damaged bytes give a DecodeError or a configuration, nothing else", () => {
  const random = seededRandom(7);
  const bytes = encodeConfiguration(configuration);
  for (let n = 0; n < 5_000; n += 1) {
    const copy = bytes.slice(0, Math.floor(random() * (bytes.length + 1)));
    for (let flips = 0; flips < 3; flips += 1) {
      if (copy.length > 0) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
    }
    try {
      decodeConfiguration(copy);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  }
});
