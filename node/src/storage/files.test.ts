// One contract suite for both adapters of the Files port, then what only the simulated one can do.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { StorageError } from "./errors.ts";
import { type Files, readWhole, realFiles, writeAtomically } from "./files.ts";
import { seededRandom } from "./seeded-random.test-kit.ts";
import { SimulatedCrash, SimulatedFiles } from "./simulated-files.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

type WithFolder = (body: (files: Files, folder: string) => void) => void;

const onRealFiles: WithFolder = (body) => {
  const folder = mkdtempSync(join(tmpdir(), "kv-files-"));
  try {
    body(realFiles, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const onSimulatedFiles: WithFolder = (body) => {
  const files = new SimulatedFiles(seededRandom(1));
  files.makeFolder("/data");
  files.syncFolder("/");
  body(files, "/data");
};

for (const [name, withFolder] of [
  ["real", onRealFiles],
  ["simulated", onSimulatedFiles],
] as const) {
  describe(`files contract: ${name}`, () => {
    it("writes chunks at an offset and reads them back, short only at the end", () => {
      withFolder((files, folder) => {
        const file = files.create(`${folder}/a`);
        file.write([bytesOf("hello "), bytesOf(""), bytesOf("world")], 3);
        file.sync();
        assert.equal(file.size(), 14);
        const into = new Uint8Array(20);
        assert.equal(file.read(into, 3), 11);
        assert.equal(textOf(into.subarray(0, 11)), "hello world");
        assert.equal(file.read(into, 14), 0);
        file.close();
        assert.equal(readWhole(files, `${folder}/a`)[0], 0);
      });
    });

    it("syncs beside other work and says when it is done", async () => {
      await new Promise<void>((resolve) => {
        withFolder((files, folder) => {
          const file = files.create(`${folder}/a`);
          file.write([bytesOf("abc")], 0);
          file.syncLater((error) => {
            assert.equal(error, undefined);
            file.close();
            resolve();
          });
        });
      });
    });

    it("truncates and reads zeros where a file grew again", () => {
      withFolder((files, folder) => {
        const file = files.create(`${folder}/a`);
        file.write([bytesOf("abcdef")], 0);
        file.truncate(2);
        file.truncate(4);
        file.close();
        assert.deepEqual([...readWhole(files, `${folder}/a`)], [97, 98, 0, 0]);
      });
    });

    it("refuses to create what exists and to open what does not", () => {
      withFolder((files, folder) => {
        files.create(`${folder}/a`).close();
        assert.throws(() => files.create(`${folder}/a`), StorageError);
        assert.throws(() => files.open(`${folder}/b`), StorageError);
        assert.throws(() => files.unlink(`${folder}/b`), StorageError);
        assert.throws(() => files.list(`${folder}/b`), StorageError);
      });
    });

    it("lists, renames over, unlinks and removes trees", () => {
      withFolder((files, folder) => {
        files.makeFolder(`${folder}/sub`);
        files.makeFolder(`${folder}/sub`);
        files.create(`${folder}/sub/x`).close();
        writeAtomically(files, `${folder}/b`, bytesOf("one"));
        writeAtomically(files, `${folder}/b`, bytesOf("two"));
        assert.equal(textOf(readWhole(files, `${folder}/b`)), "two");
        assert.deepEqual(files.list(folder), ["b", "sub"]);
        files.rename(`${folder}/sub`, `${folder}/moved`);
        assert.deepEqual(files.list(`${folder}/moved`), ["x"]);
        files.removeTree(`${folder}/moved`);
        files.removeTree(`${folder}/moved`);
        files.unlink(`${folder}/b`);
        assert.deepEqual(files.list(folder), []);
        assert.equal(files.exists(`${folder}/b`), false);
      });
    });
  });
}

describe("real files", () => {
  it("are readable by their owner only", () => {
    onRealFiles((files, folder) => {
      files.makeFolder(`${folder}/sub`);
      files.create(`${folder}/a`).close();
      assert.equal(statSync(`${folder}/sub`).mode & 0o777, 0o700);
      assert.equal(statSync(`${folder}/a`).mode & 0o777, 0o600);
    });
  });
});

describe("a simulated sync that failed", () => {
  it("gives its pages up: no later sync writes them", () => {
    const found = new Set<number | undefined>();
    for (let seed = 0; seed < 50; seed += 1) {
      const files = new SimulatedFiles(seededRandom(seed));
      const file = files.create("/a");
      files.syncFolder("/");
      file.write([Uint8Array.of(1)], 0);
      files.failNext("sync", "EIO");
      assert.throws(() => file.sync(), { code: "IO" });
      file.sync();
      files.crash();
      found.add(readWhole(files, "/a")[0]);
    }
    assert.deepEqual(found, new Set([undefined, 1]));
  });
});

describe("simulated files", () => {
  it("keep what was synced and lose or tear the rest at sector borders", () => {
    const fates = new Set<string>();
    for (let seed = 0; seed < 300; seed += 1) {
      const files = new SimulatedFiles(seededRandom(seed));
      const file = files.create("/a");
      files.syncFolder("/");
      file.write([new Uint8Array(1024).fill(1)], 0);
      file.sync();
      file.write([new Uint8Array(1024).fill(2)], 256);
      files.crash();
      const bytes = readWhole(files, "/a");
      assert.deepEqual([...bytes.subarray(0, 256)], [...new Uint8Array(256).fill(1)]);
      fates.add([256, 512, 1024].map((at) => bytes[at] ?? "-").join(""));
    }
    assert.deepEqual([...fates].sort(), ["11-", "112", "12-", "122", "21-", "212", "22-", "222"]);
  });

  it("lose names whose folder was not synced", () => {
    const survived = new Set<boolean>();
    for (let seed = 0; seed < 20; seed += 1) {
      const files = new SimulatedFiles(seededRandom(seed));
      files.create("/a").sync();
      files.crash();
      survived.add(files.exists("/a"));
    }
    assert.equal(survived.size, 2);
  });

  it("fail on demand, once, and when the disk is full", () => {
    const files = new SimulatedFiles(seededRandom(1));
    const file = files.create("/a");
    files.failNext("sync", "EIO");
    assert.throws(() => file.sync(), { code: "IO" });
    file.sync();
    files.limitCapacity(1100);
    file.write([new Uint8Array(1000)], 0);
    assert.throws(() => file.write([new Uint8Array(600)], 1000), { code: "DISK_FULL" });
    assert.equal(file.size(), 1024);
  });

  it("stop at the chosen operation and until the crash is carried out", () => {
    const files = new SimulatedFiles(seededRandom(1));
    const file = files.create("/a");
    files.syncFolder("/");
    files.crashAfter(2);
    file.write([new Uint8Array(1)], 0);
    assert.throws(() => file.sync(), SimulatedCrash);
    assert.throws(() => file.sync(), SimulatedCrash);
    files.crash();
    assert.throws(() => file.sync(), { code: "IO" });
    files.open("/a").sync();
  });

  it("flip a bit on the disk, not only in the cache", () => {
    const files = new SimulatedFiles(seededRandom(1));
    const file = files.create("/a");
    files.syncFolder("/");
    file.write([new Uint8Array(4)], 0);
    file.sync();
    files.flipBit("/a", 2, 7);
    files.crash();
    assert.deepEqual([...readWhole(files, "/a")], [0, 0, 128, 0]);
  });
});
