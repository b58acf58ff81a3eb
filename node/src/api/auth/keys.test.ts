import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { algorithms } from "./algorithms.ts";
import { makeFolder, makeKeyPair, makeSpec } from "./auth.test-kit.ts";
import { authFileBytesMax, findSecretFault, readSecretFile, readTextFile } from "./auth-files.ts";
import { authKeysMax, loadKeys } from "./keys.ts";
import { AuthConfigurationError } from "./reasons.ts";

const secret = randomBytes(32).toString("hex");

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof AuthConfigurationError && message.test(error.message);

test("an HS256 secret needs at least 32 bytes, final line break not counted", async () => {
  using folder = makeFolder();
  const short = folder.write("short", `${"x".repeat(31)}\n`);
  await assert.rejects(loadKeys([makeSpec({ file: short })]), refused(/31 bytes.*at least 32/));
  const exact = folder.write("exact", `${"x".repeat(32)}\n`);
  const [key] = await loadKeys([makeSpec({ file: exact })]);
  assert.equal(key?.key.symmetricKeySize, 32);
});

test("a secret means the same with LF, CRLF or no final line break", async () => {
  using folder = makeFolder();
  for (const ending of ["", "\n", "\r\n"]) {
    const bytes = await readSecretFile(folder.write("secret", secret + ending));
    assert.equal(bytes.toString(), secret);
  }
  const twoBreaks = await readSecretFile(folder.write("secret", `${secret}\n\n`));
  assert.equal(twoBreaks.toString(), `${secret}\n`, "only one line break is taken off");
});

test("a secret that others may read is refused, whichever bit opens it", async () => {
  using folder = makeFolder();
  const file = folder.write("secret", secret);
  for (const mode of [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o777]) {
    chmodSync(file, mode);
    await assert.rejects(loadKeys([makeSpec({ file })]), refused(/open to others.*chmod 0600/));
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode);
    await loadKeys([makeSpec({ file })]);
  }
});

test("a secret of root may be open to the node's group, one of somebody else to nobody", () => {
  const fault = (uid: number, mode: number): string => findSecretFault({ uid, mode }, 1000) ?? "";
  for (const mode of [0o100400, 0o100440, 0o100600, 0o100640]) assert.equal(fault(0, mode), "");
  for (const mode of [0o660, 0o650, 0o444, 0o641]) assert.match(fault(0, mode), /chmod 0640/);
  assert.equal(fault(1000, 0o600), "");
  assert.match(fault(1000, 0o640), /chmod 0600/);
  assert.match(fault(1001, 0o600), /owned by user 1001/);
  assert.match(findSecretFault({ uid: 0, mode: 0o640 }, 0) ?? "", /chmod 0600/, "root itself");
});

test("the mode of a secret behind symlinks is that of the file", async () => {
  using folder = makeFolder();
  mkdirSync(join(folder.path, "..2026"));
  folder.write("..2026/secret", secret, 0o644);
  symlinkSync("..2026", join(folder.path, "..data"));
  symlinkSync("..data/secret", join(folder.path, "secret"));
  const file = join(folder.path, "secret");
  await assert.rejects(readSecretFile(file), refused(/mode 0644/));
  chmodSync(file, 0o400);
  assert.equal((await readSecretFile(file)).toString(), secret);
});

test("a file that is missing, a folder, too large or no UTF-8 is refused by name", async () => {
  using folder = makeFolder();
  await assert.rejects(readTextFile(join(folder.path, "none")), refused(/none.*ENOENT/));
  await assert.rejects(readTextFile(folder.path), refused(/not a regular file/));
  const large = folder.write("large", "x".repeat(authFileBytesMax + 1));
  await assert.rejects(readTextFile(large), refused(/large has \d+ bytes, more than/));
  await assert.rejects(
    readTextFile(folder.write("latin1", Buffer.from([0xe4, 0x20]))),
    refused(/not valid UTF-8/),
  );
});

test("a file that anyone may change is refused", async () => {
  using folder = makeFolder();
  const file = folder.write("policies.yaml", "policies: []");
  chmodSync(file, 0o646);
  await assert.rejects(readTextFile(file), refused(/anyone could change it/));
});

test("a public key is taken for its own algorithm", async () => {
  using folder = makeFolder();
  for (const algorithm of algorithms) {
    if (algorithm === "HS256") continue;
    const file = folder.write(`${algorithm}.pem`, makeKeyPair(algorithm).publicPem, 0o644);
    const [key] = await loadKeys([makeSpec({ algorithm, file })]);
    assert.match(key?.fingerprint ?? "", /^[0-9a-f]{12}$/);
  }
});

test("a public key of another type, curve or strength is refused", async () => {
  using folder = makeFolder();
  const p256 = folder.write("p256.pem", makeKeyPair("ES256").publicPem);
  const rsa = folder.write("rsa.pem", makeKeyPair("RS256").publicPem);
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const weak = folder.write("weak.pem", small.export({ type: "spki", format: "pem" }));
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048, hashAlgorithm: "sha256" });
  const pssFile = folder.write("pss.pem", pss.publicKey.export({ type: "spki", format: "pem" }));
  const cases = [
    ["ES384", p256, /needs a key on secp384r1, this is prime256v1/],
    ["EdDSA", p256, /needs an Ed25519 key, this is ec/],
    ["RS256", p256, /needs an RSA key, this is ec/],
    ["ES256", rsa, /needs a key on prime256v1, this is rsa/],
    ["RS256", weak, /at least 2048 bits, this has 1024/],
    ["RS256", pssFile, /restricted to RSA-PSS/],
    ["PS512", pssFile, /restricted to sha256/],
  ] as const;
  for (const [algorithm, file, message] of cases) {
    await assert.rejects(loadKeys([makeSpec({ algorithm, file })]), refused(message));
  }
  await loadKeys([makeSpec({ algorithm: "PS256", file: pssFile })]);
});

test("a public key is no secret, and a private key is no public key", async () => {
  using folder = makeFolder();
  const { publicPem, privatePem } = makeKeyPair("RS256");
  const file = folder.write("public.pem", publicPem);
  await assert.rejects(loadKeys([makeSpec({ file })]), refused(/PEM file.*known to nobody/));
  const wrong = [
    ["private.pem", privatePem, /found PRIVATE KEY/],
    ["both.pem", privatePem + publicPem, /found PRIVATE KEY and PUBLIC KEY/],
    ["two.pem", publicPem + publicPem, /found PUBLIC KEY and PUBLIC KEY/],
    ["none.pem", "hello", /found no PEM block/],
    ["torn.pem", publicPem.slice(0, 200), /no readable public key/],
  ] as const;
  for (const [name, content, message] of wrong) {
    const spec = makeSpec({ algorithm: "RS256", file: folder.write(name, content) });
    await assert.rejects(loadKeys([spec]), refused(message));
  }
});

test("keys that contradict each other, are none or too many are refused", async () => {
  using folder = makeFolder();
  const file = folder.write("secret", secret);
  await assert.rejects(loadKeys([]), refused(/no auth key/));
  await assert.rejects(
    loadKeys([makeSpec({ file }), makeSpec({ file })]),
    refused(/two auth keys "test"/),
  );
  await assert.rejects(
    loadKeys([
      makeSpec({ file, name: "a", keyId: "k" }),
      makeSpec({ file, name: "b", keyId: "k" }),
    ]),
    refused(/"a" and "b" have the same issuer/),
  );
  await assert.rejects(loadKeys([makeSpec({ file, audiences: [] })]), refused(/an audience/));
  await assert.rejects(loadKeys([makeSpec({ file, issuer: "" })]), refused(/an issuer/));
  const many = Array.from({ length: authKeysMax + 1 }, (_, i) => makeSpec({ file, name: `k${i}` }));
  await assert.rejects(loadKeys(many), refused(/33 auth keys, the limit is 32/));
  assert.equal((await loadKeys(many.slice(1))).length, authKeysMax);
});

test("no message about a secret shows the secret", async () => {
  using folder = makeFolder();
  const word = "correct-horse";
  const file = folder.write("secret", word);
  await assert.rejects(loadKeys([makeSpec({ file })]), (error) => !String(error).includes(word));
});
