/** What a node finds on its disk when it starts: damage is refused, a torn tail is recovered. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DEADLINE, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import { TestNode } from "./node.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const SECTOR_BYTES = 512;
/** Damage, found at the start or while running. */
const DATA_FOLDER_REFUSED = { code: 3, signal: null };

const filesOf = (folder: string, suffix: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => join(folder, name));

/**
 * Flips bits of some bytes at a fraction of the part of a file that is not zeros: never of zeros,
 * which may fill up a sector and mean nothing.
 */
function damage(path: string, fraction: number): void {
  const file = openSync(path, "r+");
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  const from = Math.floor(usedBytes(bytes) * fraction);
  const at = from + bytes.subarray(from).findIndex((byte) => byte !== 0);
  writeSync(
    file,
    Uint8Array.from(bytes.subarray(at, at + 8), (byte) => byte ^ 0x5a),
    0,
    8,
    at,
  );
  closeSync(file);
}

function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/** Reads all keys of the node again and again until it has ended. @returns answered reads */
async function readUntilTheEnd(cluster: TestCluster, node: TestNode): Promise<number> {
  let answered = 0;
  await eventually(`${node.name} ends`, async () => {
    if (!node.isRunning) return true;
    const options = { prefix: "load/", consistency: "stale" } as const;
    for await (const entry of cluster.at(node).list(options)) assert.ok(entry.value.length > 0);
    answered += 1;
    return false;
  });
  return answered;
}

/** A follower with a few hundred writes on its disk, stopped. */
async function stopFollower(cluster: TestCluster): Promise<readonly [TestNode, WriteLoad]> {
  const load = new WriteLoad(cluster.client(), { valueBytes: 500 }).start();
  await load.progresses(200);
  const [node] = cluster.others(await cluster.leader());
  assert.ok(node !== undefined);
  await node.terminate();
  await load.progresses();
  return [node, load];
}

async function refuses(node: TestNode, path: string): Promise<void> {
  node.start();
  assert.deepEqual(await node.ends(), DATA_FOLDER_REFUSED);
  assert.ok(node.log().includes(path), `the log does not name ${path}:\n${node.logTail()}`);
}

test(
  "a damaged log record before good ones is refused by name",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const [node, load] = await stopFollower(cluster);
    const [segment] = filesOf(node.dataFolder, ".log").filter((path) => path.includes("/log/"));
    assert.ok(segment !== undefined);
    damage(segment, 0.5);
    await refuses(node, segment);
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a damaged table file is found and named, and nothing of it is served",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const [node, load] = await stopFollower(cluster);
    // RocksDB writes what it recovers into a table file.
    node.start();
    await cluster.isReady(node);
    await node.terminate();
    const tables = filesOf(node.dataFolder, ".sst");
    assert.ok(tables.length > 0, "no table file");
    for (const table of tables) damage(table, 0.3);
    node.start();
    const ending = node.ends();
    const answered = await readUntilTheEnd(cluster, node);
    assert.deepEqual(await ending, DATA_FOLDER_REFUSED, node.logTail());
    assert.equal(answered, 0, "a damaged table was read as if it were whole");
    assert.match(node.log(), /\.sst/, node.logTail());
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

/**
 * What power loss leaves of a write: a later sector of a frame reached the disk, its header did
 * not. Nobody was told of that frame.
 */
function tearWrite(segment: string): void {
  const file = openSync(segment, "r+");
  const bytes = Buffer.alloc(fstatSync(file).size);
  readSync(file, bytes, 0, bytes.length, 0);
  const sector = (Math.ceil(usedBytes(bytes) / SECTOR_BYTES) + 1) * SECTOR_BYTES;
  assert.ok(sector + SECTOR_BYTES < bytes.length, "there is room in the file");
  writeSync(file, randomBytes(SECTOR_BYTES), 0, SECTOR_BYTES, sector);
  closeSync(file);
}

test(
  "a torn last record of the log is cut off and the node goes on",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client(), { valueBytes: 500 }).start();
    await load.progresses(200);
    const [node] = cluster.others(await cluster.leader());
    assert.ok(node !== undefined);
    await node.kill();
    await load.progresses();
    tearWrite(filesOf(join(node.dataFolder, "member/log"), ".log").at(-1) ?? "");
    node.start();
    await cluster.isReady(node);
    const notice = node
      .log()
      .split("\n")
      .find((line) => /torn|cut/.test(line));
    assert.ok(notice !== undefined, `nothing is told of it:\n${node.logTail()}`);
    t.diagnostic(`told: ${JSON.parse(notice).msg}`);
    await load.progresses();
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a second process on a data folder is refused",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const [first] = cluster.nodes;
    assert.ok(first !== undefined);
    const second = await TestNode.make({
      name: first.name,
      folder: join(cluster.folder, "second"),
      secrets: cluster.secrets,
      settings: {},
      dataFolder: first.dataFolder,
    });
    second.start();
    assert.deepEqual(await second.ends(), DATA_FOLDER_REFUSED, second.logTail());
    assert.ok(second.log().includes(`process ${first.pid}`), second.logTail());
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);
