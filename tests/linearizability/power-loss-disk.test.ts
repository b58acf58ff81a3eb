/** The tool that cuts the power really drops what was not synced, and nothing else. */
import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PowerLossDisk, whyNoPowerLoss } from "./power-loss-disk.test-kit.ts";

const reason = whyNoPowerLoss();

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function write(path: string, text: string, { isSynced }: { readonly isSynced: boolean }): void {
  const descriptor = openSync(path, "a");
  writeSync(descriptor, text);
  if (isSynced) fdatasyncSync(descriptor);
  closeSync(descriptor);
}

test("power loss keeps what was synced and drops what was not", async (t) => {
  if (reason !== null) {
    t.skip(`no power loss here: ${reason}`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-power-"));
  const disk = new PowerLossDisk(folder);
  try {
    mkdirSync(disk.data);
    const file = join(disk.data, "log");
    write(file, "synced,", { isSynced: true });
    syncFolder(disk.data);
    write(file, "not synced", { isSynced: false });
    write(join(disk.data, "never"), "x", { isSynced: false });
    assert.equal(readFileSync(file, "utf8"), "synced,not synced", "the page cache has it");
    await disk.cutPower();
    assert.throws(() => write(file, "after", { isSynced: true }), { code: "EIO" });
    await disk.comeBack();
    assert.equal(readFileSync(file, "utf8"), "synced,");
    assert.equal(existsSync(join(disk.data, "never")), false);
    write(file, "again", { isSynced: true });
    await disk.cutPower();
    await disk.comeBack();
    assert.equal(readFileSync(file, "utf8"), "synced,again");
  } finally {
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a frozen disk takes no write until it thaws", async (t) => {
  if (reason !== null) {
    t.skip(`no frozen disk here: ${reason}`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-power-"));
  const disk = new PowerLossDisk(folder);
  try {
    mkdirSync(disk.data);
    await disk.freeze();
    let isOpen = false;
    const opening = open(join(disk.data, "late"), "w").then((handle) => {
      isOpen = true;
      return handle;
    });
    // A file beside it goes to the same disk below, is asked for later, and is there whole.
    const beside = await open(join(folder, "beside"), "w");
    await beside.write("x");
    await beside.sync();
    await beside.close();
    assert.equal(isOpen, false);
    await disk.thaw();
    await (await opening).close();
  } finally {
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
