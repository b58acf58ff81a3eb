/**
 * A node whose disk is full. With a reserve (the default) it refuses writes in time and lives;
 * without one it ends with a clear message. The others go on, and with room it comes back.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runScenario, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const MIB = 1_048_576;
const ENDED_BY_FULL_DISK = { code: 1, signal: null };

/** A small file system of its own; only root may mount one. */
class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), "kvcluster-disk-"));
  readonly #ballast = join(this.path, "lost+found");
  #isMounted = false;
  readonly #removeAtExit = (): void => this.remove();

  constructor() {
    process.once("exit", this.#removeAtExit);
  }

  mount(bytes: number): void {
    const options = `size=${bytes},mode=0700`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "kvcluster-test", this.path]);
    this.#isMounted = true;
    mkdirSync(this.#ballast);
  }

  get data(): string {
    return join(this.path, "data");
  }

  /** Leaves so many bytes free, or none: the node writes at the same time. */
  fill(freeBytes: number): void {
    const { bavail, bsize } = statfsSync(this.path);
    const bytes = Math.max(0, bavail * bsize - freeBytes);
    try {
      writeFileSync(join(this.#ballast, "ballast"), Buffer.alloc(bytes, 1));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }

  empty(): void {
    rmSync(join(this.#ballast, "ballast"));
  }

  remove(): void {
    process.off("exit", this.#removeAtExit);
    if (this.#isMounted) execFileSync("umount", ["--lazy", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

type DiskScenario = (
  parts: { readonly cluster: TestCluster; readonly node: TestNode; readonly disk: SmallDisk },
  t: TestContext,
) => Promise<void>;

/** `node-2` has a small disk. */
function diskTest(
  name: string,
  { diskBytes, freeBytesMin }: { readonly diskBytes: number; readonly freeBytesMin: number },
  scenario: DiskScenario,
): void {
  test(name, { timeout: 180_000 }, async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("only root may mount a file system");
      return;
    }
    const disk = new SmallDisk();
    try {
      disk.mount(diskBytes);
      const run = (cluster: TestCluster): Promise<void> =>
        scenario({ cluster, node: cluster.node("node-2"), disk }, t);
      const settings = { storage: { freeBytesMin } };
      await runScenario(t, run, { settings, dataFolders: { "node-2": disk.data } });
    } finally {
      disk.remove();
    }
  });
}

diskTest(
  "a node whose disk is full ends and says so; with room it recovers",
  { diskBytes: 48 * MIB, freeBytesMin: 0 },
  async ({ cluster, node, disk }, t) => {
    const load = new WriteLoad(cluster.client(), { valueBytes: 4_000 }).start();
    await load.progresses();
    const ending = node.ends();
    disk.fill(256 * 1024);
    assert.deepEqual(await ending, ENDED_BY_FULL_DISK);
    assert.match(node.log(), /disk full[^"]*; free space or grow the volume, then restart/);
    await load.progresses(100);
    disk.empty();
    node.start();
    await cluster.isReady(node);
    await load.progresses();
    t.diagnostic(await verify(cluster, [await load.stop()]));
  },
);

diskTest(
  "a node at its disk reserve refuses writes, lives, and takes them again with room",
  { diskBytes: 160 * MIB, freeBytesMin: 64 * MIB },
  async ({ cluster, node, disk }, t) => {
    const load = new WriteLoad(cluster.client(cluster.others(node))).start();
    await load.progresses();
    const client = cluster.at(node);
    await client.set("reserve/before", "x");
    disk.fill(60 * MIB);
    const refusal = await eventually("writes are refused", async () => {
      try {
        await client.set("reserve/during", "x");
        return null;
      } catch (error) {
        return error instanceof Error ? error : null;
      }
    });
    assert.match(refusal.message, /OVERLOADED: disk almost full: .* are kept in reserve/);
    assert.equal((await client.get("reserve/before"))?.text(), "x", "reads go on");
    assert.equal((await client.delete("reserve/before")).deleted, 1, "deletes go on");
    await load.progresses();
    disk.empty();
    await eventually("writes are taken again", () => client.set("reserve/after", "x"));
    t.diagnostic(await verify(cluster, [await load.stop()]));
  },
);
