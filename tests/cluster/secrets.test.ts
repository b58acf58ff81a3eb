/** Keys and policies of running nodes: what is on the disk, what is refused, what is read again. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { KVStoreClient } from "@kvcluster/client";
import { DEADLINE, newKey, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const CONFIGURATION_REFUSED = { code: 2, signal: null };
const PLAINTEXT = "the-plaintext-that-nobody-may-find-on-a-disk";

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

test(
  "a value is nowhere in log, state or snapshot, its key is",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const client = cluster.client();
    for (let i = 0; i < 50; i += 1) await client.set(`plain/key-${i}`, PLAINTEXT);
    await client.batch([{ type: "put", key: "plain/batch", value: PLAINTEXT }]);
    assert.equal((await client.get("plain/batch"))?.text(), PLAINTEXT);
    const snapshots = await Promise.all(
      cluster.nodes.map(async (node) => bytesOf((await cluster.at(node).snapshot()).body)),
    );
    for (const snapshot of snapshots) {
      assert.ok(snapshot.includes("plain/key-7"), "the snapshot holds the keys");
      assert.ok(!snapshot.includes(PLAINTEXT), "the snapshot holds a value");
    }
    for (const node of cluster.nodes) await node.terminate();
    const files = cluster.nodes.flatMap((node) => filesBelow(node.dataFolder));
    const withKey = files.filter((path) => readFileSync(path).includes("plain/key-7"));
    assert.ok(withKey.length >= cluster.nodes.length, "the files are not where this test looks");
    for (const path of [...files, ...cluster.nodes.map((node) => node.logFile)]) {
      assert.ok(!readFileSync(path).includes(PLAINTEXT), `${path} holds a value`);
    }
    const names = new Set(withKey.map((path) => path.replace(/^.*\/data\//, "").split("/")[1]));
    t.diagnostic(`${files.length} files searched; the key is in ${[...names].join(", ")}`);
  }),
);

interface Ring {
  readonly active: string;
  readonly keys: Readonly<Record<string, string>>;
}

/** Swapped in one step, as an operator or a mounted Secret does. */
function writeSecretly(path: string, document: object): void {
  writeFileSync(`${path}.next`, JSON.stringify(document), { mode: 0o600 });
  renameSync(`${path}.next`, path);
}

function readRing(cluster: TestCluster): Ring {
  const ring: unknown = JSON.parse(readFileSync(cluster.secrets.keyRing, "utf8"));
  return ring as Ring;
}

/** What the nodes say of the key that they seal with. */
async function activeKeys(cluster: TestCluster): Promise<readonly string[]> {
  return await Promise.all(
    cluster.nodes.map(async (node) => {
      const page = await (await fetch(`${node.metricsAddress}/metrics`)).text();
      return (
        /^kvcluster_keyring_active_key_info\{[^}]*key_id="([^"]+)"[^}]*\} 1$/m.exec(page)?.[1] ??
        page
      );
    }),
  );
}

test(
  "a new active key seals, the old one still opens; without it no start",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const load = new WriteLoad(cluster.client()).start();
    await load.progresses();
    const client = cluster.client();
    await client.set("rotation/old", "sealed with key-1");
    const ring = readRing(cluster);
    const rotated = { ...ring, active: "key-2", keys: { ...ring.keys, "key-2": newKey() } };
    writeSecretly(cluster.secrets.keyRing, rotated);
    await eventually("every node seals with key-2", async () =>
      (await activeKeys(cluster)).every((key) => key === "key-2"),
    );
    await client.set("rotation/new", "sealed with key-2");
    for (const node of cluster.nodes) {
      assert.equal((await cluster.at(node).get("rotation/old"))?.text(), "sealed with key-1");
      assert.equal((await cluster.at(node).get("rotation/new"))?.text(), "sealed with key-2");
    }
    const [node] = cluster.others(await cluster.leader());
    assert.ok(node !== undefined);
    await node.terminate();
    const onlyNew = { ...rotated, keys: { "key-2": rotated.keys["key-2"] } };
    writeSecretly(cluster.secrets.keyRing, onlyNew);
    node.start();
    assert.deepEqual(await node.ends(), CONFIGURATION_REFUSED, node.logTail());
    assert.match(node.log(), /lacks key key-1, which data here may be sealed with/);
    writeSecretly(cluster.secrets.keyRing, rotated);
    node.start();
    await cluster.isReady(node);
    assert.equal((await cluster.at(node).get("rotation/old"))?.text(), "sealed with key-1");
    t.diagnostic(await verify(cluster, [await load.stop()]));
  }),
);

test(
  "a change of the policies file takes effect without a restart",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const policiesFile = join(cluster.folder, "policies.json");
    const grant = (verbs: readonly string[]): object => ({
      policies: [
        {
          name: "app",
          match: { iss: "kvcluster", sub: "app" },
          grants: [{ prefix: "app/", verbs }],
        },
      ],
    });
    writeSecretly(policiesFile, grant(["read"]));
    for (const node of cluster.nodes) {
      await node.terminate();
      node.start({ auth: { policiesFile } });
    }
    await cluster.areReady();
    const pids = cluster.nodes.map((node) => node.pid);
    const app = new KVStoreClient({
      endpoints: cluster.nodes.map((node) => node.clientAddress),
      auth: { secretFile: cluster.secrets.tokenSecret, user: "app" },
    });
    try {
      assert.equal(await app.get("app/x"), null);
      await assert.rejects(app.set("app/x", "1"), { code: "FORBIDDEN", status: 403 });
      writeSecretly(policiesFile, grant(["read", "write"]));
      await eventually("the application may write", () => app.set("app/x", "1"));
      await assert.rejects(app.set("apq", "1"), { code: "FORBIDDEN" }, "the prefix next door");
      writeSecretly(policiesFile, { policies: [] });
      const isRefused = (error: unknown): boolean =>
        error instanceof Error && "status" in error && error.status === 403;
      await eventually("nothing is left to the application", () =>
        app.get("app/x").then(() => false, isRefused),
      );
      assert.deepEqual(
        cluster.nodes.map((node) => node.pid),
        pids,
      );
      t.diagnostic("read → read and write → nothing, with the same processes");
    } finally {
      await app.close();
    }
  }),
);
