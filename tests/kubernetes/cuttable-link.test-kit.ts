/** A TCP link to the API server that can be cut: every connection over it ends with a reset. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { resetSocket } from "../cluster/reset-socket.test-kit.ts";

export class CuttableLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param target `https://HOST:PORT` */
  static async lay(target: string): Promise<CuttableLink> {
    const { hostname, port } = new URL(target);
    const link = new CuttableLink({ host: hostname, port: Number(port || 443) });
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      const far = connect(target);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => undefined);
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  /** The same cluster and user as `config`, over this link. */
  configure(config: KubeConfig): KubeConfig {
    const cluster = config.getCurrentCluster();
    const user = config.getCurrentUser();
    if (cluster === null || user === null) throw new Error("there is no cluster to link to");
    const { port } = this.#server.address() as AddressInfo;
    const linked = new KubeConfig();
    const server = `https://127.0.0.1:${port}`;
    // Every API server's certificate has this name.
    const tlsServerName = "kubernetes.default.svc";
    linked.loadFromClusterAndUser({ ...cluster, server, tlsServerName }, user);
    return linked;
  }

  /** Connections over it now. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  cut(): void {
    for (const socket of this.#sockets) resetSocket(socket);
  }

  remove(): void {
    this.cut();
    this.#server.close();
  }
}
