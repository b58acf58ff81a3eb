import assert from "node:assert/strict";
import { test } from "node:test";
import { CryptoError, type CryptoErrorCode } from "./crypto-error.ts";
import { generateKeyRing, type KeyRing, parseKeyRing } from "./key-ring.ts";
import { keyIdOf, ValueCipher } from "./value-cipher.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const newRing = (): KeyRing => parseKeyRing(generateKeyRing(), "test");
const ringOf = (active: string, keys: Record<string, number>, id = "ring-1"): KeyRing => {
  const encoded = Object.entries(keys).map(([name, seed]) => [name, key(seed)]);
  const content = { version: 1, id, active, keys: Object.fromEntries(encoded) };
  return parseKeyRing(JSON.stringify(content), "test");
};
const key = (seed: number): string =>
  Buffer.from(Array.from({ length: 32 }, (_, at) => (seed * 31 + at * 7) & 0xff)).toString(
    "base64",
  );

function refuses(act: () => unknown, code: CryptoErrorCode, message?: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof CryptoError, String(error));
    assert.equal(error.code, code);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  });
}

test("values of all sizes open to what was sealed", () => {
  const cipher = new ValueCipher(newRing());
  for (const size of [0, 1, 15, 16, 17, 256, 4096, 1024 * 1024]) {
    const value = new Uint8Array(size).map((_, at) => at & 0xff);
    const sealed = cipher.seal(bytes("name"), value);
    assert.deepEqual(cipher.open(bytes("name"), sealed), value);
  }
  assert.equal(cipher.stats().sealed, 8);
  assert.equal(cipher.stats().opened, 8);
});

test("results are plain arrays of their own: slice copies, inputs may change", () => {
  const cipher = new ValueCipher(newRing());
  const value = bytes("value");
  const sealed = cipher.seal(bytes("k"), value);
  value.fill(0);
  const opened = cipher.open(bytes("k"), sealed);
  sealed.fill(0);
  assert.deepEqual(opened, bytes("value"));
  assert.equal(Buffer.isBuffer(sealed), false);
  assert.equal(Buffer.isBuffer(opened), false);
});

test("the plaintext is nowhere in the record, and no two records are equal", () => {
  const cipher = new ValueCipher(newRing());
  const value = bytes("a secret of some length");
  const records = Array.from({ length: 100 }, () => Buffer.from(cipher.seal(bytes("k"), value)));
  assert.equal(new Set(records.map((record) => record.toString("hex"))).size, 100);
  assert.ok(records.every((record) => !record.includes("secret")));
});

test("every flipped bit of a record is refused", () => {
  const cipher = new ValueCipher(newRing());
  const sealed = cipher.seal(bytes("name"), bytes("some value"));
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = Uint8Array.from(sealed);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => cipher.open(bytes("name"), damaged), CryptoError, `bit ${bit}`);
  }
  assert.equal(cipher.stats().rejected, sealed.length * 8);
});

test("every prefix of a record is refused, and so is a longer one", () => {
  const cipher = new ValueCipher(newRing());
  const sealed = cipher.seal(bytes("name"), bytes("some value"));
  for (let length = 0; length < sealed.length; length += 1) {
    assert.throws(() => cipher.open(bytes("name"), sealed.subarray(0, length)), CryptoError);
  }
  refuses(() => cipher.open(bytes("name"), new Uint8Array(0)), "RECORD_TRUNCATED");
  refuses(() => cipher.open(bytes("name"), Buffer.concat([sealed, sealed])), "RECORD_REJECTED");
});

test("random bytes meet nothing but a CryptoError", () => {
  const cipher = new ValueCipher(newRing());
  let state = 0x9e37_79b9;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let round = 0; round < 5_000; round += 1) {
    const garbage = Uint8Array.from({ length: next() % 120 }, () => next() & 0xff);
    if (round % 2 === 0 && garbage.length > 2) garbage.set([1, next() % 20]);
    assert.throws(() => cipher.open(bytes("name"), garbage), CryptoError);
  }
});

test("a record moved to another key name is refused", () => {
  const cipher = new ValueCipher(newRing());
  const sealed = cipher.seal(bytes("a"), bytes("value"));
  refuses(() => cipher.open(bytes("b"), sealed), "RECORD_REJECTED");
  refuses(() => cipher.open(bytes(""), sealed), "RECORD_REJECTED");
  refuses(() => cipher.open(bytes("a\0"), sealed), "RECORD_REJECTED");
});

test("key names longer than expected are bound whole", () => {
  const cipher = new ValueCipher(newRing());
  const long = new Uint8Array(10_000).fill(1);
  const sealed = cipher.seal(long, bytes("value"));
  assert.deepEqual(cipher.open(long, sealed), bytes("value"));
  // A ring's id stays bound when the room for names has grown.
  const other = new ValueCipher(ringOf("k1", { k1: 1 }, "ring-2"));
  const same = new ValueCipher(ringOf("k1", { k1: 1 }, "ring-2"));
  assert.deepEqual(same.open(long, other.seal(long, bytes("v"))), bytes("v"));
  const short = other.seal(bytes("a"), bytes("v"));
  assert.deepEqual(same.open(bytes("a"), short), bytes("v"));
  assert.deepEqual(
    new ValueCipher(ringOf("k1", { k1: 1 }, "ring-2")).open(bytes("a"), short),
    bytes("v"),
  );
  long[9_999] = 2;
  refuses(() => cipher.open(long, sealed), "RECORD_REJECTED");
});

test("a record of another ring is refused though key id and key are the same", () => {
  const sealed = new ValueCipher(ringOf("k1", { k1: 1 })).seal(bytes("a"), bytes("value"));
  const other = new ValueCipher(ringOf("k1", { k1: 1 }, "ring-2"));
  refuses(() => other.open(bytes("a"), sealed), "RECORD_REJECTED");
});

test("a record whose key bytes are others under the same id is refused", () => {
  const sealed = new ValueCipher(ringOf("k1", { k1: 1 })).seal(bytes("a"), bytes("value"));
  const other = new ValueCipher(ringOf("k1", { k1: 2 }));
  refuses(() => other.open(bytes("a"), sealed), "RECORD_REJECTED");
});

test("a missing key is named", () => {
  const sealed = new ValueCipher(ringOf("k2", { k1: 1, k2: 2 })).seal(bytes("a"), bytes("v"));
  assert.equal(keyIdOf(sealed), "k2");
  const without = new ValueCipher(ringOf("k1", { k1: 1 }));
  refuses(() => without.open(bytes("a"), sealed), "KEY_MISSING", /key k2, which ring ring-1/);
});

test("a record of a later format is refused as such", () => {
  const cipher = new ValueCipher(newRing());
  const sealed = cipher.seal(bytes("a"), bytes("v"));
  sealed[0] = 2;
  refuses(() => cipher.open(bytes("a"), sealed), "RECORD_VERSION", /unknown format 2/);
});

test("every node and every life of it opens what another sealed", () => {
  const ring = newRing();
  const sealed = new ValueCipher(ring).seal(bytes("a"), bytes("v"));
  const restarted = new ValueCipher(ring);
  assert.deepEqual(restarted.open(bytes("a"), sealed), bytes("v"));
  assert.notDeepEqual(restarted.seal(bytes("a"), bytes("v")), sealed);
});

test("after a rotation new values have the new key and old ones still open", () => {
  const cipher = new ValueCipher(ringOf("k1", { k1: 1 }));
  const old = cipher.seal(bytes("a"), bytes("old"));
  cipher.replaceRing(ringOf("k2", { k1: 1, k2: 2 }));
  const fresh = cipher.seal(bytes("a"), bytes("new"));
  assert.equal(keyIdOf(old), "k1");
  assert.equal(keyIdOf(fresh), "k2");
  assert.deepEqual(cipher.open(bytes("a"), old), bytes("old"));
  assert.deepEqual(cipher.open(bytes("a"), fresh), bytes("new"));
  cipher.replaceRing(ringOf("k2", { k2: 2 }));
  refuses(() => cipher.open(bytes("a"), old), "KEY_MISSING", /k1/);
  refuses(() => cipher.replaceRing(ringOf("k2", { k2: 2 }, "other")), "KEY_RING_CHANGED");
});

/** Salt and counter of a record with the key id `k1`. */
const saltOf = (sealed: Uint8Array): string => Buffer.from(sealed.subarray(4, 20)).toString("hex");
const counterOf = (sealed: Uint8Array): number => Buffer.from(sealed).readUIntBE(20, 6);

test("a nonce is never used twice: counted under a salt, then under a new one", () => {
  const ring = ringOf("k1", { k1: 1 });
  const cipher = new ValueCipher(ring, { sealsPerSubkeyMax: 3 });
  const records = Array.from({ length: 8 }, () => cipher.seal(bytes("a"), bytes("v")));
  assert.deepEqual(records.map(counterOf), [1, 2, 3, 1, 2, 3, 1, 2]);
  const salts = records.map(saltOf);
  assert.equal(new Set(salts).size, 3);
  assert.equal(salts[0], salts[2]);
  assert.notEqual(salts[2], salts[3]);
  for (const record of records) assert.deepEqual(cipher.open(bytes("a"), record), bytes("v"));
  // The same key activated again, as a reload does, goes on counting.
  cipher.replaceRing(ringOf("k1", { k1: 1, k2: 2 }));
  const next = cipher.seal(bytes("a"), bytes("v"));
  assert.equal(saltOf(next), salts[7]);
  assert.equal(counterOf(next), 3);
});
