/** The load connection of each system. */
import { GrpcConnection } from "./grpc-connection.ts";
import { HttpConnection } from "./http-connection.ts";
import type { LoadConnection, Target } from "./protocol.ts";

/** @param index counts connections; they are spread over the nodes in turn */
export const openConnection = (target: Target, index: number): LoadConnection => {
  const endpoint = target.endpoints[index % target.endpoints.length] ?? "";
  return target.system === "etcd"
    ? new GrpcConnection(endpoint)
    : new HttpConnection(endpoint, target.token);
};

/** @throws Error when one cannot be opened */
export const openConnections = async (
  target: Target,
  count: number,
): Promise<readonly LoadConnection[]> => {
  const connections = Array.from({ length: count }, (_, i) => openConnection(target, i));
  await Promise.all(connections.map(({ ready }) => ready));
  return connections;
};
