/** The balancer in front of nodes that die: it goes on answering, no acknowledged write is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KVClientError } from "@kvcluster/client";
import { Balancer } from "../../client/src/local/index.ts";
import { DEADLINE, onCluster, type TestCluster } from "./cluster.test-kit.ts";
import { WriteLoad } from "./load.test-kit.ts";
import { pause } from "./polling.test-kit.ts";
import { verify } from "./verify.test-kit.ts";

const ASK_EVERY_MS = 10;

/** Asks through the balancer, once each time, and keeps what it was told. */
class Asker {
  readonly answersMs: number[] = [];
  readonly failures: string[] = [];
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(cluster: TestCluster, endpoint: string) {
    // One attempt: what the balancer cannot answer is seen here and not hidden by a retry.
    const client = cluster.connect({ endpoints: endpoint, limits: { attemptsMax: 1 } });
    this.#running = this.#ask(client);
    this.#running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #ask(client: ReturnType<TestCluster["connect"]>): Promise<void> {
    while (!this.#isStopping) {
      const askedMs = performance.now();
      try {
        await client.get("load/0/p0", { consistency: "stale", timeoutMs: 5_000 });
        this.answersMs.push(performance.now() - askedMs);
      } catch (error) {
        if (!(error instanceof KVClientError)) throw error;
        this.failures.push(error.message);
      }
      await pause(ASK_EVERY_MS);
    }
  }
}

test(
  "the balancer goes on answering while nodes die",
  DEADLINE,
  onCluster(async (cluster, t) => {
    const nodes = cluster.nodes.map((node) => node.clientAddress);
    const balancer = new Balancer({ host: "127.0.0.1", port: 0, nodes });
    await balancer.start();
    const endpoint = balancer.address;
    try {
      const load = new WriteLoad(cluster.connect({ endpoints: endpoint })).start();
      const asker = new Asker(cluster, endpoint);
      await load.progresses();
      for (const node of cluster.nodes) {
        await node.kill();
        await load.progresses();
        node.start();
        await cluster.isReady(node);
      }
      await load.progresses();
      await asker.stop();
      const slowestMs = Math.max(...asker.answersMs);
      t.diagnostic(
        `${asker.answersMs.length} reads answered, slowest ${slowestMs.toFixed(0)} ms; ` +
          `${asker.failures.length} failed ${asker.failures[0] ?? ""}`,
      );
      assert.deepEqual(asker.failures, [], "a read failed although two nodes were healthy");
      t.diagnostic(await verify(cluster, [await load.stop()]));
    } finally {
      await balancer.close();
    }
  }),
);
