/** Ports for nodes: free now, and below those that the kernel hands out by itself. */
import { createServer } from "node:net";

/** Linux gives 32768 and up to outgoing connections; a node that restarts must find its port free. */
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

/** A port that this process has not given before. */
export async function choosePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error("no free port");
}
