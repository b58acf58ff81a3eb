/** Splits a listen address of the configuration, whose form the schema has checked. */
import type { HostPort } from "./transport/index.ts";

/** @param address `host:port` or `[v6]:port`; port 0 takes a free one. */
export const listenAddress = (address: string): HostPort => {
  const at = address.lastIndexOf(":");
  return {
    host: address.slice(0, at).replace(/^\[(.*)\]$/, "$1"),
    port: Number(address.slice(at + 1)),
  };
};
