/** Which ports the local cluster needs, and whether they are free. */
import { createServer } from "node:net";
import { LaunchError, messageOf, systemCodeOf } from "./launch-error.ts";
import {
  type LaunchSettings,
  type LaunchVariable,
  LOCAL_HOST,
  type LocalNode,
} from "./launch-settings.ts";

interface NeededPort {
  readonly port: number;
  /** `the HTTP port of node-1`. */
  readonly purpose: string;
  readonly variable: LaunchVariable;
}

export function neededPorts(
  settings: LaunchSettings,
  nodes: readonly LocalNode[],
): readonly NeededPort[] {
  const ofNodes = nodes.flatMap((node): NeededPort[] => [
    { port: node.httpPort, purpose: `the HTTP port of ${node.name}`, variable: "HTTP_PORT_BASE" },
    { port: node.peerPort, purpose: `the peer port of ${node.name}`, variable: "PEER_PORT_BASE" },
    {
      port: node.metricsPort,
      purpose: `the metrics port of ${node.name}`,
      variable: "METRICS_PORT_BASE",
    },
  ]);
  const balancer: NeededPort = {
    port: settings.balancerPort,
    purpose: "the balancer's port",
    variable: "BALANCER_PORT",
  };
  return [balancer, ...ofNodes];
}

/** @throws LaunchError naming both purposes when two want the same port */
export function assertDistinct(ports: readonly NeededPort[]): void {
  const taken = new Map<number, NeededPort>();
  for (const wanted of ports) {
    const other = taken.get(wanted.port);
    if (other !== undefined) {
      throw new LaunchError(
        `port ${wanted.port} would be both ${other.purpose} (${other.variable}) and ` +
          `${wanted.purpose} (${wanted.variable}); choose other numbers`,
      );
    }
    taken.set(wanted.port, wanted);
  }
}

/** @throws LaunchError listing every port in use, with the setting that moves it */
export async function assertFree(ports: readonly NeededPort[]): Promise<void> {
  const problems: string[] = [];
  for (const wanted of ports) {
    const problem = await tryToListen(wanted);
    if (problem !== null) problems.push(problem);
  }
  if (problems.length === 0) return;
  throw new LaunchError(
    `${problems.join("\n")}\nStop what uses it (lsof -i :PORT shows it), or set the variable.`,
  );
}

async function tryToListen({ port, purpose, variable }: NeededPort): Promise<string | null> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, LOCAL_HOST, resolve);
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return null;
  } catch (error) {
    const code = systemCodeOf(error);
    const why = code === "EADDRINUSE" ? "is in use" : `cannot be used (${messageOf(error)})`;
    return `port ${port}, ${purpose}, ${why}; ${variable} moves it`;
  }
}
