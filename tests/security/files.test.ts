/**
 * Files and settings as somebody who may write beside them would leave them: what cannot be a
 * secret or a policy is refused by name, without its content and without a hang.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readSecretFile, readTextFile } from "../../node/src/api/auth/auth-files.ts";
import { grantsOfPolicies, parsePolicies } from "../../node/src/api/auth/policies.ts";
import { ConfigError, loadConfig } from "../../node/src/config/index.ts";
import { loadKeyRing, parseKeyRing } from "../../node/src/crypto/key-ring.ts";
import { TestCluster } from "../cluster/cluster.test-kit.ts";
import { TestNode } from "../cluster/node.test-kit.ts";
import { DEADLINE } from "./target.test-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "kvcluster-files-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

/** Every kind of file that is no readable secret, by what it is. */
function hostileFiles(): Readonly<Record<string, string>> {
  const text = "correct-horse-battery-staple-correct-horse-battery";
  mkdirSync(inFolder("directory"), { mode: 0o700 });
  execFileSync("mkfifo", ["-m", "0600", inFolder("pipe")]);
  symlinkSync(inFolder("loop"), inFolder("loop"));
  symlinkSync("/dev/zero", inFolder("endless"));
  symlinkSync(inFolder("nothing"), inFolder("dangling"));
  const write = (name: string, content: string | Uint8Array, mode: number): void => {
    writeFileSync(inFolder(name), content);
    chmodSync(inFolder(name), mode);
  };
  write("open", text, 0o644);
  write("writable", text, 0o622);
  write("huge", Buffer.alloc(10_000_000, "x"), 0o600);
  symlinkSync(inFolder("open"), inFolder("link-to-open"));
  const names = ["directory", "pipe", "loop", "endless", "dangling", "open", "huge"];
  return Object.fromEntries(
    [...names, "writable", "link-to-open"].map((name) => [name, inFolder(name)]),
  );
}
const hostile = hostileFiles();

/** The refusal names the file and repeats nothing of it. */
function assertRefusal(error: unknown, path: string): true {
  assert.ok(error instanceof Error);
  assert.ok(error.message.includes(path), error.message);
  assert.doesNotMatch(error.message, /correct-horse/);
  return true;
}

test("what is no private file is refused as a secret, and never waited for", DEADLINE, async () => {
  for (const [what, path] of Object.entries(hostile)) {
    await assert.rejects(readSecretFile(path), (error) => assertRefusal(error, path), what);
    assert.throws(
      () => loadKeyRing(path),
      (error) => assertRefusal(error, path),
      what,
    );
  }
  for (const what of ["directory", "pipe", "loop", "endless", "dangling", "huge", "writable"]) {
    const path = hostile[what] ?? "";
    await assert.rejects(readTextFile(path), (error) => assertRefusal(error, path), what);
  }
});

test("a node with such a file does not start, and says which", DEADLINE, async (t) => {
  const cluster = new TestCluster({ nodes: 0 });
  t.after(() => cluster.destroy());
  const { secrets } = cluster;
  const pipe = hostile["pipe"] ?? "";
  const bad = [
    { ...secrets, tokenSecret: hostile["open"] ?? "" },
    { ...secrets, peerSecret: pipe },
    { ...secrets, keyRing: pipe },
  ];
  const running = bad.map(async (given, i) => {
    const name = `node-${i + 1}`;
    const node = await TestNode.make({
      name,
      folder: join(cluster.folder, name),
      secrets: given,
      settings: {},
    });
    node.start();
    assert.deepEqual(await node.ends(), { code: 2, signal: null }, node.logTail());
    assert.match(node.log(), /kvcluster-files-\w+\/(open|pipe)/);
    assert.doesNotMatch(node.log(), /correct-horse/);
  });
  await Promise.all(running);
});

const policy = (match: string, more = ""): string =>
  `policies: [{ name: p, match: ${match}, grants: [{ prefix: a, verbs: [read] }] ${more}}]`;

test("a policies file is data: no prototype, no alias bomb, no type of its own", () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
  for (const [i, name] of [..."bcdefghij"].entries()) {
    const before = "abcdefghi"[i];
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(",")}]`);
  }
  const bad: Readonly<Record<string, string>> = {
    "an alias bomb": `${bomb.join("\n")}\npolicies: *j`,
    "a prototype of the file": `__proto__: { policies: [] }`,
    "a prototype of a policy": policy("{ iss: i }", ", __proto__: { x: 1 }"),
    "a constructor": `${policy("{ iss: i }")}\nconstructor: { prototype: { polluted: true } }`,
    "a function": policy("{ iss: !!js/function 'function () {}' }"),
    "a key twice": `policies: []\npolicies: []`,
    "two documents": `policies: []\n---\npolicies: []`,
    "a merge of fields": `x: &x { name: q }\npolicies: [{ <<: *x }]`,
    "no issuer": policy("{ sub: alice }"),
    "any issuer": policy('{ iss: "*" }'),
    "deep nesting": "[".repeat(100_000),
  };
  for (const [what, text] of Object.entries(bad)) {
    assert.throws(() => parsePolicies(text, "policies.yaml"), /policies\.yaml/, what);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  }
  const proto = parsePolicies(policy("{ iss: i, __proto__: x }"), "policies.yaml");
  assert.deepEqual(grantsOfPolicies(proto, { iss: "i" }), [], "an own claim, which nobody has");
  const inherited = parsePolicies(policy('{ iss: i, toString.name: "toString" }'), "p");
  assert.deepEqual(grantsOfPolicies(inherited, { iss: "i" }), [], "what is inherited is no claim");
});

test("a key ring is data, and its refusal repeats no key", () => {
  const key = Buffer.alloc(32, "k1").toString("base64");
  const bad = [
    `{"version":1,"id":"r","active":"__proto__","keys":{"k":"${key}"}}`,
    `{"version":1,"id":"r","active":"k","keys":{"k":"${key}"},"__proto__":{}}`,
    `{"version":1,"id":"r","active":"k","keys":{"k":"${key}","k":"${key}"}}`,
    `{"version":1,"id":"../../etc","active":"k","keys":{"k":"${key}"}}`,
    `{"version":1,"id":"r","active":"k","keys":{"k":"${key.slice(1)}"}}`,
    `{"version":1,"id":"r","active":"k","keys":["${key}"]}`,
    `a: &a "${key}"\nversion: 1\nid: r\nactive: k\nkeys: { k: *a }`,
    `version: 1\nkeys: { k: ${key}\n`,
  ];
  for (const text of bad) {
    assert.throws(
      () => parseKeyRing(text, "ring"),
      (error) => error instanceof Error && !error.message.includes(key.slice(4, 20)),
      text,
    );
  }
});

test("a configuration sets what it names and no prototype", () => {
  const read = (argv: readonly string[], env: Record<string, string>, file: string): unknown =>
    loadConfig({ argv: ["--config", "node.yaml", ...argv], env, readFile: () => file });
  const attempts: readonly Parameters<typeof read>[] = [
    [[], {}, "__proto__: { logLevel: debug }"],
    [[], {}, "limits: { __proto__: { keyBytesMax: 1 } }"],
    [[], {}, "constructor: { prototype: { polluted: true } }"],
    [["--__proto__.polluted", "1"], {}, "{}"],
    [["--constructor.prototype.polluted=1"], {}, "{}"],
    [[], { KVCLUSTER___PROTO___POLLUTED: "1" }, "{}"],
    [["--limits.keyBytesMax", "1e3"], {}, "{}"],
    [["--limits.keyBytesMax", "0x10"], {}, "{}"],
    [["--limits.keyBytesMax", "-1"], {}, "{}"],
    [["--limits.keyBytesMax", "9007199254740993"], {}, "{}"],
  ];
  for (const attempt of attempts) {
    assert.throws(() => read(...attempt), ConfigError);
    assert.equal(Reflect.get({}, "polluted"), undefined);
    assert.equal(Reflect.get({}, "logLevel"), undefined);
  }
});
