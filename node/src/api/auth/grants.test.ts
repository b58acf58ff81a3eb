import assert from "node:assert/strict";
import { test } from "node:test";
import { prefixEnd } from "@kvcluster/protocol";
import {
  allowsEverything,
  allowsKey,
  allowsRange,
  compileGrant,
  findPrefixFault,
  type KeyGrant,
} from "./grants.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const read = (prefix: string): KeyGrant => compileGrant({ prefix, verbs: ["read"] });
/** A grant on raw bytes, as no JSON string can write it. */
const readBytes = (prefix: Uint8Array): KeyGrant => ({
  start: prefix,
  end: prefixEnd(prefix),
  verbs: new Set(["read"]),
});

test("a key is allowed by its own prefix and verb only", () => {
  const grants = [read("app/")];
  assert.equal(allowsKey(grants, "read", bytes("app/")), true);
  assert.equal(allowsKey(grants, "read", bytes("app/\xff\xff")), true);
  assert.equal(allowsKey(grants, "write", bytes("app/x")), false);
  for (const next of ["app", "app.", "app0", "apq/", "App/", "", "b"]) {
    assert.equal(allowsKey(grants, "read", bytes(next)), false, next);
  }
  assert.equal(allowsKey([], "read", bytes("app/x")), false);
});

test("the empty prefix is every key, and only it is everything", () => {
  assert.equal(allowsKey([read("")], "read", bytes("")), true);
  assert.equal(allowsKey([read("")], "read", bytes("\xff\xff\xff")), true);
  assert.equal(allowsEverything([read("")], "read"), true);
  assert.equal(allowsEverything([read("")], "admin"), false);
  assert.equal(allowsEverything([read("a"), read("b")], "read"), false);
  assert.equal(allowsEverything([readBytes(bytes("\xff"))], "read"), false);
});

test("a range must lie wholly inside one prefix", () => {
  const grants = [read("app/")];
  const allows = (start: string, end: string): boolean =>
    allowsRange(grants, "read", { start: bytes(start), end: bytes(end) });
  assert.equal(allows("app/", "app0"), true, "the prefix itself");
  assert.equal(allows("app/a", "app/b"), true);
  assert.equal(allows("app/a", "app0"), true);
  assert.equal(allows("app/a", "app0\0"), false, "one key too far");
  assert.equal(allows("app.", "app0"), false, "starts before");
  assert.equal(allows("app/a", ""), false, "to the last key");
  assert.equal(allows("", ""), false);
});

test("two prefixes that touch do not make a range", () => {
  const grants = [read("a"), read("b")];
  const range = { start: bytes("a"), end: bytes("c") };
  assert.equal(allowsRange(grants, "read", range), false);
});

test("a prefix of 0xff has no end: its range goes to the last key", () => {
  const grants = [readBytes(bytes("\xff"))];
  assert.equal(allowsRange(grants, "read", { start: bytes("\xff"), end: bytes("") }), true);
  assert.equal(allowsRange(grants, "read", { start: bytes("\xff\x01"), end: bytes("") }), true);
  assert.equal(allowsRange(grants, "read", { start: bytes("\xfe"), end: bytes("") }), false);
  const inner = [readBytes(bytes("a\xff"))];
  assert.equal(allowsRange(inner, "read", { start: bytes("a\xff"), end: bytes("b") }), true);
  assert.equal(allowsRange(inner, "read", { start: bytes("a\xff"), end: bytes("b\0") }), false);
});

test("prefixes are bytes: an accent composed otherwise is another prefix", () => {
  const composed = read("caf\u00e9/");
  assert.equal(allowsKey([composed], "read", Buffer.from("caf\u00e9/x")), true);
  assert.equal(allowsKey([composed], "read", Buffer.from("cafe\u0301/x")), false);
  assert.equal(allowsKey([composed], "read", bytes("caf\xe9/x")), false, "latin1 bytes");
});

test("a prefix that has no UTF-8 or is longer than any key is a fault", () => {
  assert.equal(findPrefixFault("ok/"), null);
  assert.match(findPrefixFault("\udc00") ?? "", /well-formed/);
  assert.equal(findPrefixFault("é".repeat(2048)), null);
  assert.match(findPrefixFault("é".repeat(2049)) ?? "", /4096 bytes/);
});

test("random ranges agree with the definition over all short keys", () => {
  // Every key of up to three bytes over this alphabet: the edges 0x00, 0xfe and 0xff are in it.
  const alphabet = [0x00, 0x61, 0xfe, 0xff];
  let keys: number[][] = [[]];
  for (let length = 0; length < 3; length += 1) {
    keys = [[], ...keys.flatMap((key) => alphabet.map((byte) => [...key, byte]))];
  }
  const all = keys.map((key) => Uint8Array.from(key)).sort(Buffer.compare);
  const inside = (key: Uint8Array, start: Uint8Array, end: Uint8Array): boolean =>
    Buffer.compare(key, start) >= 0 && (end.length === 0 || Buffer.compare(key, end) < 0);
  let checked = 0;
  for (const prefix of all.filter((key) => key.length < 3)) {
    const grant = readBytes(prefix);
    for (const start of all) {
      for (const end of all) {
        const wanted = all.filter((key) => inside(key, start, end));
        if (wanted.length === 0) continue;
        const covered = wanted.every((key) =>
          Buffer.from(key).subarray(0, prefix.length).equals(prefix),
        );
        const allowed = allowsRange([grant], "read", { start, end });
        if (allowed) assert.equal(covered, true, `${prefix} must not allow [${start}, ${end})`);
        checked += 1;
      }
    }
  }
  assert.ok(checked > 10_000, `${checked} ranges`);
});
