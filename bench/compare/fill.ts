/** Puts many keys in batches, as fast as either system takes them, within a limit of time. */
import { openConnections } from "./connections.ts";
import { BATCH_PUTS } from "./load-order.ts";
import { Operations } from "./operations.ts";
import { ask, type LoadConnection, type Target } from "./protocol.ts";

const CONNECTIONS = 8;

export interface FillOrder {
  /** The first key's number, and the one after the last: see keyOf. */
  readonly from: number;
  readonly to: number;
  readonly valueBytes: number;
  /** Stops after so long; what is put then counts. */
  readonly secondsMax: number;
}

export interface Filled {
  /** The number after the last key that was put. */
  readonly to: number;
  readonly seconds: number;
}

export const fill = async (target: Target, order: FillOrder): Promise<Filled> => {
  const operations = new Operations({ mix: "put", keys: order.to, valueBytes: order.valueBytes });
  const connections = await openConnections(target, CONNECTIONS);
  const batch = Math.max(1, Math.min(BATCH_PUTS, Math.floor((1 << 20) / order.valueBytes)));
  const startedAt = performance.now();
  const deadline = startedAt + order.secondsMax * 1000;
  let next = order.from;
  const work = async (connection: LoadConnection): Promise<void> => {
    while (next < order.to && performance.now() < deadline) {
      const first = next;
      next = Math.min(next + batch, order.to);
      await ask(connection, operations.fill(first, next));
    }
  };
  await Promise.all(connections.map(work));
  for (const connection of connections) connection.close();
  return { to: next, seconds: (performance.now() - startedAt) / 1000 };
};
