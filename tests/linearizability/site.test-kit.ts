/**
 * Three real nodes with everything that can go wrong around them: a network between their peer
 * ports that can be cut, disks whose power can be cut, a balancer in front.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KVStoreClient, mintToken } from "@kvcluster/client";
import { Balancer } from "../../client/src/local/index.ts";
import { TestCluster } from "../cluster/cluster.test-kit.ts";
import { type Settings, shippedProgram, type TestNode } from "../cluster/node.test-kit.ts";
import { eventually } from "../cluster/polling.test-kit.ts";
import { FaultNetwork } from "./fault-network.test-kit.ts";
import { PlainClient } from "./plain-client.test-kit.ts";
import { PowerLossDisk } from "./power-loss-disk.test-kit.ts";
import { ProductClient } from "./product-client.test-kit.ts";
import type { Ways } from "./workload.test-kit.ts";

const NAMES: readonly string[] = ["node-1", "node-2", "node-3"];
const DAY_SECONDS = 86_400;

/** So small that an absence of seconds needs a snapshot; what is durable when is not touched. */
const settings: Settings = {
  log: { entriesKept: 300, entriesKeptMax: 600, trimEntries: 150 },
  compaction: { revisionsKept: 0 },
  replica: { hashCheckMs: 5_000 },
};

export interface SiteOptions {
  /** Data on disks whose power can be cut: needs root and XFS. */
  readonly hasPowerLoss: boolean;
  /** Another node than the one that ships. */
  readonly program?: string;
}

export class Site {
  readonly cluster: TestCluster;
  readonly network: FaultNetwork = new FaultNetwork();
  readonly disks: ReadonlyMap<string, PowerLossDisk>;
  readonly #folder: string;
  readonly #clients: (PlainClient | KVStoreClient)[] = [];
  readonly #removeFolder = (): void => rmSync(this.#folder, { recursive: true, force: true });
  #balancer: Balancer | null = null;
  #token = "";

  constructor({ hasPowerLoss, program }: SiteOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), "kvcluster-site-"));
    const disks = hasPowerLoss ? NAMES.map((name) => [name, this.#makeDisk(name)] as const) : [];
    this.disks = new Map(disks);
    // A run that is cut short: after the disks, which unmount themselves.
    process.once("exit", this.#removeFolder);
    const dataFolders = Object.fromEntries(disks.map(([name, disk]) => [name, disk.data]));
    const environment = { NODE_COMPILE_CACHE: join(this.#folder, "compiled") };
    // Nodes start often: half of a start is compiling, of which a killed process keeps nothing.
    const unusable = ["--config", join(this.#folder, "none")];
    spawnSync(process.execPath, [program ?? shippedProgram, ...unusable], { env: environment });
    this.cluster = new TestCluster({
      nodes: NAMES.length,
      settings,
      dataFolders,
      environment,
      layPeerLink: (name, at) => this.network.lay(name, at),
      ...(program === undefined ? {} : { program }),
    });
  }

  async form(): Promise<void> {
    await this.cluster.form();
    await this.learnNames();
    const nodes = this.cluster.nodes.map((node) => node.clientAddress);
    this.#balancer = new Balancer({ host: "127.0.0.1", port: 0, nodes });
    await this.#balancer.start();
    const secret = Buffer.from(readFileSync(this.cluster.secrets.tokenSecret, "utf8").trim());
    const grants = [{ prefix: "", verbs: ["read", "write", "admin"] }] as const;
    this.#token = mintToken({ secret, subject: "tests", ttlSeconds: DAY_SECONDS, grants });
  }

  /** After members came: their ids name the ends of links. */
  async learnNames(): Promise<void> {
    const members = await this.cluster.client().members();
    this.network.learn(new Map(members.map(({ id, name }) => [id, name])));
  }

  get balancerAddress(): string {
    return this.#balancer?.address ?? "";
  }

  /** Plain clients at each node and at the balancer, the product's over all nodes and at it. */
  ways(): Ways {
    const nodes = this.cluster.nodes.map((node) => node.clientAddress);
    const product = [nodes, [this.balancerAddress]].map(
      (endpoints) => new ProductClient(this.productClient(endpoints)),
    );
    return {
      nodes: nodes.map((base) => this.plainClient(base)),
      others: [this.plainClient(this.balancerAddress), ...product],
    };
  }

  plainClient(base: string): PlainClient {
    const client = new PlainClient(base, () => this.#token);
    this.#clients.push(client);
    return client;
  }

  productClient(endpoints: readonly string[]): KVStoreClient {
    const client = new KVStoreClient({ endpoints, auth: { token: this.#token } });
    this.#clients.push(client);
    return client;
  }

  diskOf(node: TestNode): PowerLossDisk {
    const disk = this.disks.get(node.name);
    if (disk === undefined) throw new Error(`${node.name} has no disk of its own`);
    return disk;
  }

  /** The power of some nodes goes at one moment, and comes back at once. They start. */
  async losePower(nodes: readonly TestNode[]): Promise<void> {
    // That a node sees its disk fail before it dies is part of it.
    const ended = nodes.filter((node) => node.isRunning).map((node) => node.ends());
    await Promise.all(nodes.map((node) => this.diskOf(node).cutPower()));
    await Promise.all(nodes.map((node) => node.destroy()));
    await Promise.all(ended);
    for (const node of nodes) {
      const disk = this.diskOf(node);
      await eventually(`the disk of ${node.name} comes back`, async () => {
        await disk.comeBack();
        return true;
      });
    }
    for (const node of nodes) node.start();
  }

  /** Ends every fault; all nodes run. */
  async heal(): Promise<void> {
    this.network.heal();
    for (const disk of this.disks.values()) await disk.thaw();
    for (const node of this.cluster.nodes) {
      node.resume();
      if (!node.isRunning) node.start();
    }
  }

  async destroy(): Promise<void> {
    for (const disk of this.disks.values()) await disk.thaw();
    for (const client of this.#clients) await client.close();
    await this.#balancer?.close();
    await this.cluster.destroy();
    this.network.close();
    for (const disk of this.disks.values()) disk.remove();
    process.off("exit", this.#removeFolder);
    this.#removeFolder();
  }

  #makeDisk(name: string): PowerLossDisk {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    return new PowerLossDisk(folder);
  }
}
