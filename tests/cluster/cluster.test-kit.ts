/**
 * A cluster of real node processes with ports, secrets and a folder of its own: formed, observed
 * and taken down. Everything is used through the public client.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { KVStoreClient, type KVStoreClientOptions } from "@kvcluster/client";
import type { AddMemberAnswer, KvClaim, Readiness } from "@kvcluster/protocol";
import { type Secrets, type Settings, TestNode } from "./node.test-kit.ts";
import { eventually, type WaitOptions } from "./polling.test-kit.ts";

const everything: KvClaim = [{ prefix: "", verbs: ["read", "write", "admin"] }];

/** Folders of clusters that stand: removed also when the run is cut short. */
const folders = new Set<string>();
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export interface ClusterOptions {
  readonly nodes?: number;
  readonly settings?: Settings;
  /** Where a node's data is, by name, when not in its own folder. */
  readonly dataFolders?: Readonly<Record<string, string>>;
  /** Another node than the one that ships. */
  readonly program?: string;
  /** Of every node's process, beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where others reach a node's peer port, by its name and where it listens. */
  readonly layPeerLink?: (name: string, peerAddress: string) => Promise<string>;
}

export class TestCluster {
  readonly folder: string;
  readonly secrets: Secrets;
  readonly nodes: TestNode[] = [];
  readonly #options: ClusterOptions;
  readonly #clients: KVStoreClient[] = [];
  readonly #single = new Map<TestNode, KVStoreClient>();

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), "kvcluster-test-"));
    folders.add(this.folder);
    this.secrets = makeSecrets(join(this.folder, "secrets"));
  }

  /** Nodes that run, bootstrapped and joined, all voters and ready. */
  async form(): Promise<void> {
    const count = this.#options.nodes ?? 3;
    while (this.nodes.length < count) await this.addProcess();
    const [first, ...others] = this.nodes;
    assert.ok(first !== undefined);
    await this.answers(first);
    await this.at(first).admin.bootstrap();
    for (const node of others) await this.admit(node);
    await this.isComplete();
  }

  /** A blank node's process, no member yet. */
  async addProcess(name: string = `node-${this.nodes.length + 1}`): Promise<TestNode> {
    const { program, environment, layPeerLink } = this.#options;
    const dataFolder = this.#options.dataFolders?.[name];
    const node = await TestNode.make({
      name,
      folder: join(this.folder, name),
      secrets: this.secrets,
      settings: this.#options.settings ?? {},
      ...(dataFolder === undefined ? {} : { dataFolder }),
      ...(program === undefined ? {} : { program }),
      ...(environment === undefined ? {} : { environment }),
      ...(layPeerLink === undefined ? {} : { layPeerLink: (at) => layPeerLink(name, at) }),
    });
    this.nodes.push(node);
    node.start();
    return node;
  }

  /** Makes a blank node a learner; it becomes a voter by itself. @returns its id */
  async admit(node: TestNode): Promise<number> {
    await this.answers(node);
    const { name, peerAddress, clientAddress } = node;
    const added = await this.change<AddMemberAnswer>(`add ${name}`, (admin) =>
      admin.addMember({ name, peerAddress, clientAddress }),
    );
    const { clusterId, nodeId, members } = added;
    await this.at(node).admin.join({ clusterId, nodeId, members });
    return nodeId;
  }

  /** A membership change, tried until the cluster takes it: another one may be under way. */
  async change<T>(
    what: string,
    task: (admin: KVStoreClient["admin"]) => Promise<T>,
    via: readonly TestNode[] = this.runningMembers(),
  ): Promise<T> {
    const client = this.client(via);
    return await eventually(what, () => task(client.admin), { everyMs: 50 });
  }

  /** All nodes that run are ready and every member is a voter. */
  async isComplete(options: WaitOptions = {}): Promise<void> {
    const nodes = this.nodes.filter((node) => node.isRunning);
    await eventually("all nodes are ready voters", () => this.#areVoters(nodes), options);
  }

  async #areVoters(nodes: readonly TestNode[]): Promise<boolean> {
    for (const node of nodes) {
      const { ready } = await this.at(node).readiness({ timeoutMs: 1_000 });
      if (!ready) return false;
      const { members } = await this.at(node).cluster({ timeoutMs: 1_000 });
      if (members.some(({ role }) => role === "learner")) return false;
      if (!nodes.every(({ name }) => members.some((member) => member.name === name))) return false;
    }
    return true;
  }

  async answers(node: TestNode): Promise<Readiness> {
    return await eventually(`${node.name} answers`, async () => {
      const readiness = await this.at(node).readiness({ timeoutMs: 1_000 });
      return readiness.phase === "starting" ? null : readiness;
    });
  }

  async isReady(node: TestNode, options: WaitOptions = {}): Promise<void> {
    const ask = async (): Promise<boolean> =>
      node.unexpectedEnd !== null || (await this.at(node).readiness({ timeoutMs: 1_000 })).ready;
    await eventually(`${node.name} is ready`, ask, options);
    assert.equal(node.unexpectedEnd, null, `${node.name} ended by itself`);
  }

  async areReady(nodes: readonly TestNode[] = this.nodes): Promise<void> {
    for (const node of nodes) await this.isReady(node);
  }

  /** The node that says of itself that it leads, among some. */
  async leader(
    among: readonly TestNode[] = this.runningMembers(),
    options: WaitOptions = {},
  ): Promise<TestNode> {
    const names = among.map(({ name }) => name).join(", ");
    return await eventually(`one of ${names} leads`, () => this.#findLeader(among), options);
  }

  async #findLeader(among: readonly TestNode[]): Promise<TestNode | null> {
    const roles = await Promise.all(
      among.map(async (node) => {
        try {
          return (await this.at(node).readiness({ timeoutMs: 500 })).role;
        } catch {
          // A node that is down or paused leads nobody.
          return null;
        }
      }),
    );
    return among[roles.indexOf("leader")] ?? null;
  }

  runningMembers(): readonly TestNode[] {
    return this.nodes.filter((node) => node.isRunning);
  }

  others(...excluded: readonly TestNode[]): readonly TestNode[] {
    return this.nodes.filter((node) => !excluded.includes(node));
  }

  node(name: string): TestNode {
    return this.nodes.find((node) => node.name === name) ?? assert.fail(`no ${name}`);
  }

  /** A client over several nodes, closed with the cluster. */
  client(
    nodes: readonly TestNode[] = this.nodes,
    limits: KVStoreClientOptions["limits"] = {},
  ): KVStoreClient {
    return this.connect({ endpoints: nodes.map((node) => node.clientAddress), limits });
  }

  connect(options: Pick<KVStoreClientOptions, "endpoints" | "limits">): KVStoreClient {
    const client = new KVStoreClient({
      ...options,
      auth: { secretFile: this.secrets.tokenSecret, user: "tests", grants: everything },
    });
    this.#clients.push(client);
    return client;
  }

  /** The client of one node that tries everything once. */
  at(node: TestNode): KVStoreClient {
    const known = this.#single.get(node);
    if (known !== undefined) return known;
    const made = this.client([node], { attemptsMax: 1, timeoutMs: 10_000 });
    this.#single.set(node, made);
    return made;
  }

  assertNoUnexpectedEnd(): void {
    for (const { name, unexpectedEnd } of this.nodes) {
      assert.equal(unexpectedEnd, null, `${name} ended by itself`);
    }
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.nodes.map((node) => node.destroy()));
    rmSync(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }
}

function makeSecrets(folder: string): Secrets {
  mkdirSync(folder);
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const ring = { version: 1, id: "ring-1", active: "key-1", keys: { "key-1": newKey() } };
  return {
    tokenSecret: write("jwt-secret", `${randomBytes(32).toString("base64url")}\n`),
    peerSecret: write("peer-secret", `${randomBytes(32).toString("base64url")}\n`),
    keyRing: write("key-ring.json", JSON.stringify(ring)),
  };
}

/** A key of a key ring. */
export const newKey = (): string => randomBytes(32).toString("base64");

export type Scenario = (cluster: TestCluster, t: TestContext) => Promise<void>;

/** A test that takes longer hangs. */
export const DEADLINE: { readonly timeout: number } = { timeout: 180_000 };

/** A test's body on a cluster of its own. */
export const onCluster =
  (scenario: Scenario, options: ClusterOptions = {}) =>
  (t: TestContext): Promise<void> =>
    runScenario(t, scenario, options);

/**
 * A failure shows the end of every node's log; processes and folders are gone afterwards, whatever
 * happened.
 */
export async function runScenario(
  t: TestContext,
  scenario: Scenario,
  options: ClusterOptions = {},
): Promise<void> {
  const cluster = new TestCluster(options);
  try {
    await cluster.form();
    await scenario(cluster, t);
    cluster.assertNoUnexpectedEnd();
  } catch (error) {
    for (const node of cluster.nodes) {
      const ended = node.unexpectedEnd === null ? "" : `, ${JSON.stringify(node.unexpectedEnd)}`;
      process.stderr.write(`  the end of the log of ${node.name}${ended}:\n${node.logTail()}\n`);
    }
    throw error;
  } finally {
    await cluster.destroy();
  }
}
