/**
 * The local cluster as a whole: folder, node processes, formation, balancer, token. Owns their
 * order of starting and stopping; knows nothing of the terminal but a `say`.
 */
import { readFileSync } from "node:fs";
import { KVStoreClient, mintToken, readSecret } from "../index.ts";
import { Balancer } from "./balancer.ts";
import { type ClusterFolder, openClusterFolder } from "./cluster-folder.ts";
import { defaultFormationLimits, Formation, type FormationNode } from "./formation.ts";
import { LaunchError, messageOf, systemCodeOf } from "./launch-error.ts";
import {
  describeNode,
  type LaunchSettings,
  LOCAL_HOST,
  type LocalNode,
  NODES_DEFAULT,
} from "./launch-settings.ts";
import { defaultNodeProcessLimits, NodeProcess } from "./node-process.ts";
import { stopOrphans } from "./orphans.ts";
import { assertDistinct, assertFree, neededPorts } from "./ports.ts";
import { writePrivateFile } from "./private-files.ts";

const TOKEN_TTL_SECONDS = 7 * 24 * 3_600;
const TOKEN_RENEW_MS = 24 * 3_600 * 1_000;
const TOKEN_SUBJECT = "local-admin";

export interface LauncherParts {
  readonly settings: LaunchSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

export class Launcher {
  readonly #parts: LauncherParts;
  readonly #stopping = new AbortController();
  readonly #processes = new Map<number, NodeProcess>();
  #folder: ClusterFolder | null = null;
  #wanted: ReadonlySet<number> = new Set();
  #balancer: Balancer | null = null;
  #tokenTimer: NodeJS.Timeout | null = null;
  #starting: Promise<void> = Promise.resolve();
  #forming: Promise<void> = Promise.resolve();

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** Base URL of the balancer. */
  get address(): string {
    if (this.#balancer === null) throw new Error("the local cluster is not started");
    return this.#balancer.address;
  }

  /** The wanted nodes with their processes. */
  get nodes(): readonly (LocalNode & { readonly pid: number | null })[] {
    return [...this.#processes.values()].map((process) => ({ ...process.node, pid: process.pid }));
  }

  get tokenFile(): string {
    return this.#openFolder.tokenFile;
  }

  get token(): string {
    return readFileSync(this.tokenFile, "utf8").trim();
  }

  /** @throws LaunchError; call `stop` afterwards all the same */
  start(): Promise<void> {
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { settings, say } = this.#parts;
    const folder = openClusterFolder(settings, NODES_DEFAULT);
    this.#folder = folder;
    for (const notice of folder.notices) say(notice);
    this.#assertPeerPorts(folder);
    const count = settings.nodes ?? folder.record.nodes;
    this.#wanted = new Set(Array.from({ length: count }, (_, i) => i + 1));
    const nodes = this.#nodesToRun(folder);
    await stopOrphans(nodes, say);
    const ports = neededPorts(settings, nodes);
    assertDistinct(ports);
    await assertFree(ports);
    this.#assertNotStopping();
    await this.#renewToken();
    this.#tokenTimer = setInterval(() => this.#renewTokenLater(), TOKEN_RENEW_MS);
    this.#tokenTimer.unref();
    this.#startNodes(nodes);
    await this.#form({ deadIsFatal: true });
    this.#assertNotStopping();
    await this.#dropFormer();
    folder.update({ nodes: count, peerPortBase: settings.peerPortBase });
    await this.#startBalancer();
  }

  /** What the store holds, in words. */
  async describeData(): Promise<string> {
    const auth = { tokenFile: this.tokenFile };
    const client = new KVStoreClient({ endpoints: this.address, auth });
    try {
      const { keys, revision } = await client.status();
      return revision === 0 ? "the store is new" : `found ${keys} keys at revision ${revision}`;
    } finally {
      await client.close();
    }
  }

  /** Takes no more requests, stops every node, gives the folder back. Never throws. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#tokenTimer !== null) clearInterval(this.#tokenTimer);
    // Whoever called `start` is told how that ended; here it only must have ended.
    await Promise.allSettled([this.#starting, this.#forming]);
    await this.#balancer?.close();
    await Promise.all([...this.#processes.values()].map((process) => process.stop()));
    this.#folder?.release();
    this.#folder = null;
  }

  get #openFolder(): ClusterFolder {
    if (this.#folder === null) throw new Error("the data folder is not open");
    return this.#folder;
  }

  #assertNotStopping(): void {
    if (this.#stopping.signal.aborted) throw new LaunchError("it was told to stop");
  }

  /** The wanted nodes, and members of the last run: those must take part until they are removed. */
  #nodesToRun(folder: ClusterFolder): readonly LocalNode[] {
    const former = folder.record.clusterId === null ? [] : folder.nodeIds();
    const ids = [...new Set([...this.#wanted, ...former])].sort((a, b) => a - b);
    return ids.map((id) => describeNode(this.#parts.settings, id));
  }

  #assertPeerPorts(folder: ClusterFolder): void {
    const { peerPortBase, clusterId } = folder.record;
    const wanted = this.#parts.settings.peerPortBase;
    if (clusterId === null || peerPortBase === wanted) return;
    throw new LaunchError(
      `the nodes in ${folder.path} know each other by ports from PEER_PORT_BASE=${peerPortBase}, ` +
        `not ${wanted}.\nSet PEER_PORT_BASE=${peerPortBase}, or use another KV_DATA.`,
    );
  }

  #startNodes(nodes: readonly LocalNode[]): void {
    const { env, say } = this.#parts;
    for (const node of nodes) {
      const process = new NodeProcess(node, {
        secrets: this.#openFolder.secrets,
        env,
        limits: defaultNodeProcessLimits,
        say,
        onRestarted: () => this.#formAgain(),
      });
      this.#processes.set(node.id, process);
      process.start();
    }
  }

  /** A node that died may come back blank: whether it must be admitted anew is for looking. */
  #formAgain(): void {
    this.#forming = this.#forming.then(async () => {
      if (this.#stopping.signal.aborted) return;
      try {
        await this.#form({ deadIsFatal: false });
      } catch (error) {
        this.#parts.say(messageOf(error));
      }
    });
  }

  async #form({ deadIsFatal }: { deadIsFatal: boolean }): Promise<void> {
    const folder = this.#openFolder;
    const formation = new Formation({
      running: () => [...this.#processes.values()].map((process) => this.#asFormationNode(process)),
      wanted: this.#wanted,
      auth: { tokenFile: folder.tokenFile },
      clusterId: folder.record.clusterId,
      onBootstrapped: (clusterId) => folder.update({ clusterId }),
      say: this.#parts.say,
      deadIsFatal,
      limits: defaultFormationLimits,
      signal: this.#stopping.signal,
    });
    await formation.settle();
  }

  #asFormationNode(process: NodeProcess): FormationNode {
    return {
      node: process.node,
      isRunning: process.isRunning,
      explainFailure: (what) => process.explainFailure(what),
      startOver: async () => {
        await process.stop();
        this.#setAside(process.node);
        process.start();
      },
    };
  }

  /** Members of the last run that were removed now: their processes end, their folders are kept. */
  async #dropFormer(): Promise<void> {
    const former = [...this.#processes.values()].filter(({ node }) => !this.#wanted.has(node.id));
    for (const process of former) {
      await process.stop();
      this.#processes.delete(process.node.id);
      this.#setAside(process.node);
    }
  }

  #setAside(node: LocalNode): void {
    const place = this.#openFolder.setAside(node);
    this.#parts.say(`What ${node.name} had is in ${place}; delete it when you like`);
  }

  async #startBalancer(): Promise<void> {
    const { settings } = this.#parts;
    const nodes = this.nodes.map((node) => node.clientAddress);
    const balancer = new Balancer({ host: LOCAL_HOST, port: settings.balancerPort, nodes });
    try {
      await balancer.start();
    } catch (error) {
      if (systemCodeOf(error) !== "EADDRINUSE") throw error;
      throw new LaunchError(`port ${settings.balancerPort}, the balancer's port, is in use`);
    }
    this.#balancer = balancer;
  }

  async #renewToken(): Promise<void> {
    const token = mintToken({
      secret: await readSecret(this.#openFolder.secrets.tokenSecret),
      subject: TOKEN_SUBJECT,
      ttlSeconds: TOKEN_TTL_SECONDS,
      grants: [{ prefix: "", verbs: ["read", "write", "admin"] }],
    });
    writePrivateFile(this.tokenFile, `${token}\n`);
  }

  #renewTokenLater(): void {
    this.#renewToken().catch((error: unknown) => {
      this.#parts.say(`the token could not be renewed: ${messageOf(error)}`);
    });
  }
}
