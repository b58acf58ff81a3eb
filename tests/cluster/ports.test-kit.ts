/** Ports for nodes: free now, and below those that the kernel hands out by itself. */
import { createServer } from "node:net";

/** Linux gives 32768 and up to outgoing connections; a node that restarts must find its port. */
const PORT_MIN = 10_000;
const PORT_MAX = 32_000;
const TRIES_MAX = 1_000;

const given = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/** So many ports in a row that this process has not given before. @returns the first */
export async function choosePorts(count: number): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const first = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const row = Array.from({ length: count }, (_, i) => first + i);
    if (row.some((port) => given.has(port))) continue;
    const areFree = await Promise.all(row.map(isFree));
    if (!areFree.every(Boolean)) continue;
    for (const port of row) given.add(port);
    return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** A port that this process has not given before. */
export const choosePort = (): Promise<number> => choosePorts(1);
