/**
 * Ports for nodes: below those that the kernel hands out by itself, and this process's alone. Each
 * process takes whole blocks, guarded by a listener on the block's last port for as long as it
 * lives: whatever another process chooses between our look at a port and its use is elsewhere.
 */
import { createServer, type Server } from "node:net";

/** Linux gives 32768 and up to outgoing connections; a node that restarts must find its port. */
const PORT_MIN = 10_000;
const PORT_MAX = 32_000;
const BLOCK_PORTS = 50;
const BLOCKS = (PORT_MAX - PORT_MIN) / BLOCK_PORTS;

/** What is left of the block that this process took last. */
let left: number[] = [];

const listen = (port: number): Promise<Server | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === null) return false;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return true;
}

/** The ports of a block that is free as a whole, ascending; its guard is not among them. */
async function takeBlock(): Promise<number[]> {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let at = 0; at < BLOCKS; at += 1) {
    const first = PORT_MIN + ((start + at) % BLOCKS) * BLOCK_PORTS;
    const guard = await listen(first + BLOCK_PORTS - 1);
    if (guard === null) continue;
    guard.unref();
    const ports = Array.from({ length: BLOCK_PORTS - 1 }, (_, i) => first + i);
    const areFree = await Promise.all(ports.map(isFree));
    if (areFree.every(Boolean)) return ports;
    guard.close();
  }
  throw new Error(`no block of ${BLOCK_PORTS} free ports from ${PORT_MIN} to ${PORT_MAX}`);
}

/** So many ports in a row that this process has not given before. @returns the first */
export async function choosePorts(count: number): Promise<number> {
  if (count >= BLOCK_PORTS) throw new RangeError(`${count} ports in a row: < ${BLOCK_PORTS}`);
  if (left.length < count) left = await takeBlock();
  const [first] = left.splice(0, count);
  if (first === undefined) throw new RangeError(`${count} ports in a row: ≥ 1`);
  return first;
}

/** A port that this process has not given before. */
export const choosePort = (): Promise<number> => choosePorts(1);
