/** How much work shares a sync, a batch and a message: counts of all nodes, from their metrics. */
import { NODES } from "./kvcluster-system.ts";

const METRICS_PORT_BASE = 28_000;

const counted: ReadonlyMap<string, string> = new Map([
  ["kvcluster_log_sync_duration_seconds_count", "log syncs"],
  ["kvcluster_apply_duration_seconds_count", "applies"],
  ["kvcluster_peer_sent_messages_total", "messages to peers"],
]);

/** Name to count since start, over all nodes. */
export const batchCounts = async (): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>();
  for (const id of NODES) {
    const answer = await fetch(`http://127.0.0.1:${METRICS_PORT_BASE + id}/metrics`);
    for (const line of (await answer.text()).split("\n")) {
      const [series = "", value] = line.split(" ");
      const name = counted.get(series.replace(/\{.*/, ""));
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + Number(value));
    }
  }
  return counts;
};
