import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CryptoError, type CryptoErrorCode } from "./crypto-error.ts";
import {
  createKeyRingFile,
  generateKeyRing,
  loadKeyRing,
  missingKeys,
  parseKeyRing,
} from "./key-ring.ts";

const KEY_1 = Buffer.from(Array.from({ length: 32 }, (_, at) => at + 1)).toString("base64");
const KEY_2 = Buffer.from(Array.from({ length: 32 }, (_, at) => at + 2)).toString("base64");
const good = { version: 1, id: "ring-1", active: "k1", keys: { k1: KEY_1, k2: KEY_2 } };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "kv-key-ring-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function refuses(act: () => unknown, code: CryptoErrorCode, message: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof CryptoError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    for (const secret of [KEY_1, KEY_2]) {
      assert.equal(`${error.message} ${String(error.cause)}`.includes(secret.slice(0, 20)), false);
    }
    return true;
  });
}

test("JSON and YAML say the same ring", () => {
  const keys = `keys:\n  k1: ${KEY_1}\n  k2: "${KEY_2}"\n`;
  const yaml = `# made by hand\nversion: 1\nid: ring-1\nactive: k1\n${keys}`;
  for (const text of [JSON.stringify(good), JSON.stringify(good, null, 2), yaml]) {
    const ring = parseKeyRing(text, "f");
    assert.equal(ring.id, "ring-1");
    assert.equal(ring.active, "k1");
    assert.deepEqual([...ring.keys.keys()], ["k1", "k2"]);
    assert.equal(ring.keys.get("k1")?.export().toString("base64"), KEY_1);
  }
});

test("key ids that look like numbers stay what was written", () => {
  const ring = parseKeyRing(`version: 1\nid: r\nactive: 2024\nkeys: { 2024: ${KEY_1} }`, "f");
  assert.equal(ring.active, "2024");
  const scientific = `version: 1\nid: r\nactive: 1e3\nkeys: { 1e3: ${KEY_1}, 1000: ${KEY_2} }`;
  assert.deepEqual([...parseKeyRing(scientific, "f").keys.keys()], ["1e3", "1000"]);
});

test("each mistake in a ring is named, without a key in the message", () => {
  const cases: readonly [unknown, RegExp][] = [
    [{ ...good, version: 2 }, /"version" must be 1, it is "2"/],
    [{ ...good, version: undefined }, /"version" must be 1, it is missing/],
    [{ ...good, id: "" }, /"id" must be/],
    [{ ...good, id: "a b" }, /"id" must be/],
    [{ ...good, id: ["x"] }, /"id" must be/],
    [{ ...good, active: "k3" }, /"active" is "k3", which is not under "keys"/],
    [{ ...good, active: undefined }, /"active" must be the id of a key/],
    [{ ...good, keys: {} }, /at least one key id/],
    [{ ...good, keys: [KEY_1] }, /at least one key id/],
    [{ ...good, keys: undefined }, /at least one key id/],
    [{ ...good, keys: { k1: KEY_1.slice(4) } }, /key k1 must be the base64 of 32 bytes/],
    [{ ...good, keys: { k1: `${KEY_1}=` } }, /key k1 must be the base64/],
    [{ ...good, keys: { k1: { a: KEY_1 } } }, /key k1 must be the base64/],
    [{ ...good, keys: { k1: `${KEY_1.slice(0, 42)}h=` } }, /key k1 is not canonical base64/],
    [{ ...good, keys: { "k 1": KEY_1 } }, /key id "k 1" must be 1 to 64/],
    [{ ...good, keys: { ["k".repeat(65)]: KEY_1 } }, /must be 1 to 64/],
    [{ ...good, keys: { k1: KEY_1, k2: KEY_1 } }, /keys k1 and k2 are the same/],
    [{ ...good, keys: { k1: Buffer.alloc(32).toString("base64") } }, /key k1 is not random/],
    [{ ...good, kyes: 1 }, /unknown field "kyes"/],
    [[good], /it must be a mapping/],
    ["text", /it must be a mapping/],
  ];
  for (const [content, message] of cases) {
    refuses(() => parseKeyRing(JSON.stringify(content), "f"), "KEY_RING_INVALID", message);
  }
  const many = Object.fromEntries(
    Array.from({ length: 257 }, (_, at) => [`k${at}`, KEY_1] as const),
  );
  refuses(
    () => parseKeyRing(JSON.stringify({ ...good, keys: many }), "f"),
    "KEY_RING_INVALID",
    /257 keys, at most 256/,
  );
});

test("text that is neither JSON nor YAML is refused by line, without quoting it", () => {
  const broken = `version: 1\nkeys:\n  k1: "${KEY_1}\n`;
  refuses(() => parseKeyRing(broken, "f"), "KEY_RING_INVALID", /not JSON or YAML: \w+ in line \d/);
  const twice = `version: 1\nid: r\nactive: k1\nkeys:\n  k1: ${KEY_1}\n  k1: ${KEY_2}\n`;
  refuses(() => parseKeyRing(twice, "f"), "KEY_RING_INVALID", /DUPLICATE_KEY in line 6/);
  const alias = `version: 1\nid: r\nactive: k1\nkeys: { k1: &a ${KEY_1}, k2: *a }\n`;
  refuses(() => parseKeyRing(alias, "f"), "KEY_RING_INVALID", /aliases/);
  refuses(() => parseKeyRing("", "f"), "KEY_RING_INVALID", /must be a mapping/);
});

test("a generated ring is good, different each time, and its file is private", (t) => {
  assert.notEqual(generateKeyRing(), generateKeyRing());
  const path = join(folder(t), "ring.json");
  createKeyRingFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { ring } = loadKeyRing(path);
  assert.equal(ring.keys.size, 1);
  assert.ok(ring.keys.has(ring.active));
  const before = readFileSync(path, "utf8");
  assert.throws(() => createKeyRingFile(path), { code: "EEXIST" });
  assert.equal(readFileSync(path, "utf8"), before);
});

test("a file that others can read or change is refused with the command that repairs it", (t) => {
  const path = join(folder(t), "ring.json");
  createKeyRingFile(path);
  for (const mode of [0o640, 0o620, 0o604, 0o644, 0o610, 0o666, 0o777]) {
    chmodSync(path, mode);
    const shown = `mode 0${mode.toString(8)}`;
    const message = new RegExp(`${shown}.*chmod 600 ${path}`);
    refuses(() => loadKeyRing(path), "KEY_RING_PERMISSIONS", message);
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(path, mode);
    loadKeyRing(path);
  }
});

test("a file that is not there, not a file or too large is refused", (t) => {
  const path = folder(t);
  refuses(() => loadKeyRing(join(path, "none")), "KEY_RING_UNREADABLE", /ENOENT/);
  const sub = join(path, "sub");
  mkdirSync(sub);
  refuses(() => loadKeyRing(sub), "KEY_RING_UNREADABLE", /not a regular file/);
  const large = join(path, "large");
  writeFileSync(large, Buffer.alloc(256 * 1024 + 1, " "), { mode: 0o600 });
  refuses(() => loadKeyRing(large), "KEY_RING_UNREADABLE", /at most 262144/);
});

test("missing keys are named in order", () => {
  const ring = parseKeyRing(JSON.stringify(good), "f");
  assert.deepEqual(missingKeys(ring, ["k9", "k1", "k3"]), ["k3", "k9"]);
  assert.deepEqual(missingKeys(ring, ["k2"]), []);
});
