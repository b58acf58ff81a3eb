/** A node that was away for longer than the log is kept gets a snapshot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEADLINE, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

/** So small that a moment's absence needs a snapshot. */
const settings = {
  log: { entriesKept: 50, entriesKeptMax: 100, trimEntries: 20 },
};

/** One sample of the metrics page. */
async function metric(node: TestNode, name: string): Promise<number> {
  const page = await (await fetch(`${node.metricsAddress}/metrics`)).text();
  const line = page.split("\n").find((text) => text.startsWith(name) && !text.startsWith("#"));
  return Number(line?.slice(line.lastIndexOf(" ") + 1) ?? assert.fail(`no ${name} in\n${page}`));
}

async function compactTo(cluster: TestCluster, node: TestNode): Promise<number> {
  const { revision } = await cluster.at(node).hash();
  const { compactRevision } = await cluster.client(cluster.runningMembers()).compact(revision);
  return compactRevision;
}

test(
  "a node that was away past the log's and the history's end catches up by a snapshot",
  DEADLINE,
  onCluster(
    async (cluster, t) => {
      const load = new WriteLoad(cluster.client(), { valueBytes: 1_000 }).start();
      await load.progresses();
      const leader = await cluster.leader();
      const [away] = cluster.others(leader);
      assert.ok(away !== undefined);
      const { appliedIndex: leftAt } = await cluster.at(away).hash();
      await away.kill();
      await load.progresses(600);
      const compactRevision = await compactTo(cluster, leader);
      await load.progresses(200);
      away.start();
      await cluster.isReady(away);
      await load.progresses();
      const installed = await metric(away, "kvcluster_snapshots_installed_total");
      t.diagnostic(
        `${away.name} left at index ${leftAt}, history before ${compactRevision} is gone`,
      );
      assert.ok(installed >= 1, "it caught up without a snapshot");
      t.diagnostic(await verify(cluster, [await load.stop()], { compactRevision }));
    },
    { settings },
  ),
);
