// What a node finds in its data folder, and what it makes of it.
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describe, it } from "node:test";
import { toClusterId, toNodeId } from "../raft/index.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";

const ADDRESSES = { peerAddress: "127.0.0.1:5101", clientAddress: "http://127.0.0.1:5001" };

const DATA_FOLDER_MODULE = import.meta.resolve("./data-folder.ts");

const withPath = async (body: (path: string) => unknown): Promise<void> => {
  const parent = await mkdtemp(join(tmpdir(), "kv-folder-"));
  try {
    await body(join(parent, "data"));
  } finally {
    await rm(parent, { recursive: true });
  }
};

const open = (path: string, onNotice: (text: string) => void = () => undefined): DataFolder =>
  openDataFolder(path, { name: "node-1", onNotice });

const bootstrapped = (path: string): void => {
  const folder = open(path);
  folder.bootstrap(ADDRESSES);
  folder.close();
};

describe("data folder", () => {
  it("is blank at first, and belongs to a node after bootstrap", async () => {
    await withPath((path) => {
      const blank = open(path);
      assert.equal(blank.identity, null);
      const identity = blank.bootstrap(ADDRESSES);
      assert.match(identity.clusterId, /^[0-9a-f]{32}$/);
      assert.deepEqual([identity.nodeId, identity.name], [1, "node-1"]);
      assert.throws(() => blank.bootstrap(ADDRESSES), { code: "ALREADY_BOOTSTRAPPED" });
      blank.close();
      const again = open(path);
      assert.deepEqual(again.identity, identity);
      again.close();
    });
  });

  it("takes the identity that a leader gave it", async () => {
    await withPath((path) => {
      const clusterId = toClusterId("ab".repeat(16));
      const members = [
        { id: toNodeId(9), name: "node-1", ...ADDRESSES, role: "learner" },
        { id: toNodeId(1), name: "node-0", ...ADDRESSES, role: "voter" },
      ] as const;
      const folder = open(path);
      folder.join({ clusterId, nodeId: toNodeId(9), members });
      folder.close();
      const again = open(path);
      assert.deepEqual(again.identity, { clusterId, nodeId: 9, name: "node-1" });
      again.close();
    });
  });

  it("is readable by its owner only", async () => {
    await withPath((path) => {
      bootstrapped(path);
      const modeOf = (name: string): number => statSync(join(path, name)).mode & 0o777;
      for (const name of ["", "member", "member/log"]) assert.equal(modeOf(name), 0o700, name);
      const files = ["FORMAT", "LOCK", "LOCK.owner", "member/identity.json", "member/CURRENT"];
      for (const name of files) assert.equal(modeOf(name), 0o600, name);
    });
  });
});

describe("a data folder that cannot be served", () => {
  it("refuses a folder of other files, says what is there and leaves it alone", async () => {
    await withPath((path) => {
      mkdirSync(path);
      for (let n = 1; n <= 7; n += 1) writeFileSync(join(path, `photo-${n}.jpg`), "");
      assert.throws(() => open(path), {
        code: "FOREIGN_FOLDER",
        message: /it holds photo-1\.jpg, .*photo-5\.jpg and 2 more; choose an empty folder/,
      });
      assert.equal(existsSync(join(path, "LOCK")), false);
    });
  });

  it("does not mind what a volume of its own has at its root", async () => {
    await withPath((path) => {
      mkdirSync(join(path, "lost+found"), { recursive: true });
      bootstrapped(path);
    });
  });

  it("refuses the data of another node", async () => {
    await withPath((path) => {
      bootstrapped(path);
      assert.throws(() => openDataFolder(path, { name: "node-2" }), {
        code: "WRONG_IDENTITY",
        message: /holds the data of node "node-1" of cluster [0-9a-f]{32}, this node is "node-2"/,
      });
    });
  });

  it("refuses a layout that it does not know", async () => {
    await withPath((path) => {
      bootstrapped(path);
      for (const format of [1, 3]) {
        writeFileSync(join(path, "FORMAT"), `kvcluster data folder, format ${format}\n`);
        const message = new RegExp(`format ${format}.*reads.*format 2.*another folder`);
        assert.throws(() => open(path), { code: "UNSUPPORTED_FORMAT", message });
      }
    });
  });

  it("refuses damage to its small files and names them", async () => {
    for (const [name, text] of [
      ["member/identity.json", "{"],
      ["member/identity.json", '{"format":1,"clusterId":"x"}'],
      ["member/identity.json", null],
      ["FORMAT", null],
    ] as const) {
      await withPath((path) => {
        bootstrapped(path);
        if (text === null) renameSync(join(path, name), join(path, "..", "moved"));
        else writeFileSync(join(path, name), text);
        const message = new RegExp(name.replace(".", "\\."));
        assert.throws(() => open(path), { code: "CORRUPT", message });
      });
    }
  });
});

describe("a data folder after a crash", () => {
  it("throws a half-written bootstrap away and says so", async () => {
    await withPath((path) => {
      open(path).close();
      mkdirSync(join(path, "member.new", "log"), { recursive: true });
      writeFileSync(join(path, "member.new", "CURRENT"), "");
      const notices: string[] = [];
      const folder = open(path, (text) => notices.push(text));
      assert.equal(folder.identity, null);
      assert.match(notices[0] ?? "", /member\.new, a bootstrap cut short/);
      folder.bootstrap(ADDRESSES);
      folder.close();
    });
  });
});

describe("the lock of a data folder", () => {
  it("refuses a second opening and says who holds it", async () => {
    await withPath((path) => {
      const first = open(path);
      assert.throws(() => open(path), {
        code: "LOCKED",
        message: new RegExp(`${path} is in use by process ${process.pid} on .* since 20`),
      });
      first.close();
      open(path).close();
    });
  });

  it("holds between processes, and needs no cleaning up after kill -9", async () => {
    await withPath(async (path) => {
      const holder = spawnOpener(path);
      try {
        assert.equal(await answerOf(holder), "held");
        assert.throws(() => open(path), {
          code: "LOCKED",
          message: new RegExp(`process ${holder.pid} on`),
        });
      } finally {
        holder.kill("SIGKILL");
        await once(holder, "exit");
      }
      assert.match(readFileSync(join(path, "LOCK.owner"), "utf8"), new RegExp(`${holder.pid}`));
      open(path).close();
    });
  });

  it("still holds after this process tried to open the folder twice", async () => {
    await withPath(async (path) => {
      const first = open(path);
      assert.throws(() => open(path), { code: "LOCKED" });
      const other = spawnOpener(path);
      try {
        assert.equal(await answerOf(other), "LOCKED");
      } finally {
        other.kill("SIGKILL");
        await once(other, "exit");
        first.close();
      }
    });
  });
});

/** Another process that opens the folder, says how that went and stays. */
const spawnOpener = (path: string): ChildProcessByStdio<null, Readable, null> => {
  const script = `
    const { openDataFolder } = await import(${JSON.stringify(DATA_FOLDER_MODULE)});
    try {
      openDataFolder(${JSON.stringify(path)}, { name: "node-1" });
      console.log("held");
    } catch (error) {
      console.log(error.code);
    }
    setInterval(() => undefined, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
};

const answerOf = async (child: ChildProcessByStdio<null, Readable, null>): Promise<string> => {
  const [chunk] = await once(child.stdout, "data");
  return String(chunk).trim();
};
