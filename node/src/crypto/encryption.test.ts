import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CryptoError, type CryptoErrorCode } from "./crypto-error.ts";
import { Encryption } from "./encryption.ts";
import { keyIdOf } from "./value-cipher.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const key = (seed: number): string =>
  Buffer.from(Array.from({ length: 32 }, (_, at) => (seed * 31 + at * 7) & 0xff)).toString(
    "base64",
  );

interface Place {
  readonly folder: string;
  readonly ring: string;
  readonly use: string;
  readonly logs: string[];
}

function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), "kv-encryption-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, ring: join(folder, "ring"), use: join(folder, "keys-in-use"), logs: [] };
}

/** @param active the active key; `ring-2/k1` in another ring than ring-1. */
function write(path: string, active: string, keys: Record<string, number>): void {
  const encoded = Object.entries(keys).map(([name, seed]) => [name, key(seed)]);
  const [id = "", keyId = ""] = active.includes("/") ? active.split("/") : ["ring-1", active];
  const content = { version: 1, id, active: keyId, keys: Object.fromEntries(encoded) };
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
}

function start({ ring, use, logs }: Place): Encryption & { timers: () => number } {
  let timers = 0;
  const log = (fields: object, message: string): void => {
    logs.push(`${message} ${JSON.stringify(fields)}`);
  };
  const encryption = new Encryption({
    keyRingPath: ring,
    keyUsePath: use,
    pollMs: 1_000,
    runtime: {
      every: () => {
        timers += 1;
        return () => {
          timers -= 1;
        };
      },
    },
    log: { info: log, error: log },
  });
  return Object.assign(encryption, { timers: () => timers });
}

function refuses(act: () => unknown, code: CryptoErrorCode, message: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.ok(error instanceof CryptoError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test("a key is noted, durable, before it can seal anything", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1, k2: 2 });
  start(at);
  const note = readFileSync(at.use, "latin1");
  assert.match(
    note,
    /^kvcluster-keys-in-use 1 ring-1 [0-9a-f]{8}\n\+ k1 [0-9a-f]{32} [0-9a-f]{8}\n/,
  );
  assert.match(note, /\+ k2 /);
  assert.equal(note.includes(key(1)), false);
  start(at);
  assert.equal(readFileSync(at.use, "latin1"), note, "nothing is written twice");
});

test("a start with a key missing is refused, naming it, and works again with it", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1 });
  const sealed = start(at).cipher.seal(bytes("a"), bytes("v"));
  write(at.ring, "k3", { k3: 3 });
  refuses(() => start(at), "KEY_MISSING", /ring ring-1 lacks key k1, /);
  write(at.ring, "k3", { k1: 1, k3: 3 });
  assert.deepEqual(start(at).cipher.open(bytes("a"), sealed), bytes("v"));
  write(at.ring, "k4", { k4: 4 });
  refuses(() => start(at), "KEY_MISSING", /lacks keys k1, k3, /);
});

test("another ring, or another key under a known id, is refused at start", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1 });
  start(at);
  write(at.ring, "ring-2/k1", { k1: 1 });
  refuses(() => start(at), "KEY_RING_CHANGED", /sealed with ring ring-1, this is ring ring-2/);
  write(at.ring, "k1", { k1: 9 });
  refuses(() => start(at), "KEY_RING_CHANGED", /key k1 of ring ring-1 is not the key/);
});

test("a changed file is followed without a restart", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1 });
  const encryption = start(at);
  const old = encryption.cipher.seal(bytes("a"), bytes("v"));
  encryption.poll();
  assert.equal(encryption.stats().reloads, 0, "nothing changed");
  write(at.ring, "k2", { k1: 1, k2: 2 });
  encryption.poll();
  assert.equal(encryption.stats().reloads, 1);
  assert.equal(encryption.stats().activeKey, "k2");
  assert.equal(keyIdOf(encryption.cipher.seal(bytes("a"), bytes("v"))), "k2");
  assert.deepEqual(encryption.cipher.open(bytes("a"), old), bytes("v"));
  assert.match(readFileSync(at.use, "latin1"), /\+ k2 /);
  assert.equal(encryption.timers(), 1);
  encryption.close();
  assert.equal(encryption.timers(), 0);
});

test("a Kubernetes Secret that is swapped by its symbolic link is followed", (t) => {
  const at = place(t);
  // As the kubelet lays it out: ring -> ..data/ring, ..data -> ..<timestamp>, renamed over.
  const publish = (stamp: string, active: string, keys: Record<string, number>): void => {
    mkdirSync(join(at.folder, stamp));
    write(join(at.folder, stamp, "ring"), active, keys);
    symlinkSync(stamp, join(at.folder, "..data_tmp"));
    renameSync(join(at.folder, "..data_tmp"), join(at.folder, "..data"));
  };
  publish("..2026_1", "k1", { k1: 1 });
  symlinkSync("..data/ring", at.ring);
  const encryption = start(at);
  publish("..2026_2", "k2", { k1: 1, k2: 2 });
  rmSync(join(at.folder, "..2026_1"), { recursive: true });
  encryption.poll();
  assert.equal(encryption.stats().activeKey, "k2");
});

test("a file that turns bad is told once and counted, and the ring in force stays", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1, k2: 2 });
  const encryption = start(at);
  const bad: readonly [() => void, CryptoErrorCode][] = [
    [() => writeFileSync(at.ring, "{", { mode: 0o600 }), "KEY_RING_INVALID"],
    [() => write(at.ring, "k1", { k1: 1 }), "KEY_MISSING"],
    [() => write(at.ring, "ring-2/k1", { k1: 1, k2: 2 }), "KEY_RING_CHANGED"],
    [() => write(at.ring, "k1", { k1: 7, k2: 2 }), "KEY_RING_CHANGED"],
    [() => chmodSync(at.ring, 0o644), "KEY_RING_PERMISSIONS"],
    [() => rmSync(at.ring), "KEY_RING_UNREADABLE"],
  ];
  for (const [index, [spoil, code]] of bad.entries()) {
    spoil();
    encryption.poll();
    encryption.poll();
    const stats = encryption.stats();
    assert.equal(stats.reloadProblem?.code, code);
    assert.equal(stats.reloadFailures, 2 * (index + 1));
    assert.equal(at.logs.length, index + 1, "told once");
    const sealed = encryption.cipher.seal(bytes("a"), bytes("v"));
    assert.deepEqual(encryption.cipher.open(bytes("a"), sealed), bytes("v"));
  }
  write(at.ring, "k2", { k1: 1, k2: 2 });
  encryption.poll();
  assert.equal(encryption.stats().reloadProblem, null);
  assert.equal(encryption.stats().activeKey, "k2");
});

test("a retired key may leave the ring, in this life and the next; an active one may not", (t) => {
  const at = place(t);
  write(at.ring, "k2", { k1: 1, k2: 2 });
  const encryption = start(at);
  assert.throws(() => encryption.retire("k2"), RangeError);
  encryption.retire("k1");
  start(at);
  write(at.ring, "k2", { k2: 2 });
  encryption.poll();
  assert.equal(encryption.stats().reloadProblem, null);
  start(at);
  write(at.ring, "k1", { k1: 1, k2: 2 });
  start(at);
  write(at.ring, "k2", { k2: 2 });
  refuses(() => start(at), "KEY_MISSING", /k1/);
});

test("a torn last line of the note is cut off, other damage is refused by line", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1 });
  start(at);
  const whole = readFileSync(at.use, "latin1");
  appendFileSync(at.use, "+ k2 0123");
  start(at);
  assert.equal(readFileSync(at.use, "latin1"), whole);
  for (let at2 = 0; at2 < whole.length; at2 += 1) {
    const damaged = Buffer.from(whole, "latin1");
    damaged[at2] = (damaged[at2] ?? 0) ^ 1;
    // A damaged end of the last line looks like a torn write: then the key is noted again.
    if (at2 === whole.length - 1) continue;
    writeFileSync(at.use, damaged);
    refuses(() => start(at), "KEY_USE_DAMAGED", /line [12] is damaged/);
  }
  truncateSync(at.use, 0);
  refuses(() => start(at), "KEY_USE_DAMAGED", /empty/);
});

test("a note that was being made when the process died is made again", (t) => {
  const at = place(t);
  write(at.ring, "k1", { k1: 1 });
  writeFileSync(`${at.use}.new`, "kvclus");
  start(at);
  assert.match(readFileSync(at.use, "latin1"), /\+ k1 /);
  assert.equal(existsSync(`${at.use}.new`), false);
});
