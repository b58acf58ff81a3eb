/**
 * Splits a listen address of the configuration, whose form the schema has checked, and finds the
 * address that this machine can listen on.
 */
import { createServer } from "node:net";
import type { Config } from "./config/index.ts";
import type { HostPort } from "./transport/index.ts";

/** @param address `host:port` or `[v6]:port`; port 0 takes a free one. */
export const listenAddress = (address: string): HostPort => {
  const at = address.lastIndexOf(":");
  return {
    host: address.slice(0, at).replace(/^\[(.*)\]$/, "$1"),
    port: Number(address.slice(at + 1)),
  };
};

const everyAddress = /^\[[0:]+\]:/;

/**
 * `[::]` stands for every address of the machine, of both families. A kernel without IPv6 knows no
 * such socket: there it is `0.0.0.0`, so that one configuration is right on every machine.
 * @param canListen whether a socket can be bound to this host; tried unless given
 */
export async function usableListeners(
  listen: Config["listen"],
  canListen: (host: string) => Promise<boolean> = isBindable,
): Promise<Config["listen"]> {
  const { http, peer, metrics } = listen;
  const isMeant = [http, peer, metrics].some((address) => everyAddress.test(address));
  if (!isMeant || (await canListen("::"))) return listen;
  const usable = (address: string): string => address.replace(everyAddress, "0.0.0.0:");
  return { http: usable(http), peer: usable(peer), metrics: usable(metrics) };
}

const isBindable = (host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)));
  });
