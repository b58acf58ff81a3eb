/**
 * What grows with the number of keys and what does not: memory of a node at rest, with 100 k and
 * 1 M keys, and the time from its start to ready with all of them.
 */
import { KVStoreClient } from "@kvcluster/client";
import { nodePid, readyUrl, startKvCluster } from "./kvcluster-system.ts";
import { answers, type RunningSystem, residentBytes, waitFor } from "./running-system.ts";

const BATCH = 128;
const BATCHES_IN_FLIGHT = 8;
const RESTART_MS = 60_000;
/** At rest means: V8 has noticed that nothing happens and given back what a load left behind. */
export const REST_MS = 90_000;

export interface ScaleRow {
  readonly keys: number;
  /** Of each node, bytes, `REST_MS` after the last load. */
  readonly residentBytes: readonly number[];
  /** From `kill -9` of one node to its `/readyz`, the launcher's pause of 500 ms included, ms. */
  readonly restartMs: number;
}

const fill = async (running: RunningSystem, from: number, to: number): Promise<void> => {
  const endpoints = running.target.endpoints.map((endpoint) => `http://${endpoint}`);
  const client = new KVStoreClient({ endpoints, auth: { token: running.target.token } });
  const value = Buffer.alloc(256, "v");
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      next = Math.min(next + BATCH, to);
      const keys = Array.from({ length: next - first }, (_, i) => first + i);
      await client.batch(
        keys.map((i) => ({ type: "put", key: `scale/${String(i).padStart(9, "0")}`, value })),
      );
    }
  };
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, work));
  await client.close();
};

/** The launcher notices the death, pauses half a second and starts the node again: all counted. */
const timeRestart = async (folder: string, id: number): Promise<number> => {
  const killedAt = performance.now();
  process.kill(nodePid(folder, id), "SIGKILL");
  await waitFor("the killed node to be gone", RESTART_MS, async () => {
    return !(await answers(readyUrl(id)));
  });
  await waitFor("the node to be ready", RESTART_MS, () => answers(readyUrl(id)));
  return performance.now() - killedAt;
};

export const measureScale = async (
  folder: string,
  sizes: readonly number[],
): Promise<readonly ScaleRow[]> => {
  const running = await startKvCluster(folder);
  const rows: ScaleRow[] = [];
  try {
    let keys = 0;
    for (const size of sizes) {
      await fill(running, keys, size);
      keys = size;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const resident = residentBytes(running.pids());
      rows.push({ keys, residentBytes: resident, restartMs: await timeRestart(folder, 2) });
    }
  } finally {
    await running.stop();
  }
  return rows;
};
