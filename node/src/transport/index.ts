// The door of the transport layer: everything other layers may use of it is exported here by name.

export { type RefusalReason, SECRET_BYTES_MIN } from "./handshake.ts";
export {
  defaultTransportLimits,
  type HostPort,
  parseAddress,
  type SocketFactory,
  type TransportLimits,
  type TransportLog,
  type TransportOptions,
  type TransportRuntime,
  tcpSockets,
} from "./options.ts";
export type { PeerStats, TransportStats } from "./stats.ts";
export { TcpTransport } from "./tcp-transport.ts";
