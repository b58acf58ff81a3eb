/**
 * A node in memory for the tests of the API: the real state machine, state store and reader over
 * the in-memory engine, real token checks, a real server. Consensus is left out: what is proposed
 * is applied at once, and tests switch on the refusals that a replica can give.
 */
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Grant, Problem } from "@kvcluster/protocol";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import { type Config, loadConfig } from "../config/index.ts";
import { type Command, type CommandResult, encodeCommand } from "../kv/index.ts";
import {
  type Configuration,
  type Entry,
  type EntryType,
  encodeConfiguration,
  type LogIndex,
  type Member,
  type MembershipChange,
  type RaftStatus,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import {
  type AdminRequest,
  type Identity,
  type JoinRequest,
  type NodePhase,
  type NodeService,
  ReplicaError,
  type ReplicaErrorCode,
  type ReplicaService,
  type ReplicaStatus,
  type SnapshotSource,
} from "../replica/index.ts";
import { EngineReader, MemoryEngine, StateStore } from "../storage/state/index.ts";
import { audience, issuer, makeFolder, signToken } from "./auth/auth.test-kit.ts";
import { openAuth } from "./auth/index.ts";
import { createHttpServer } from "./create.ts";
import type { ApiServer, ServerSetup } from "./http-server.ts";
import type { Sealer } from "./sealer.ts";

export const clusterId: string = "0123456789abcdef0123456789abcdef";
const origin = 7;
const term = toTerm(1);

export class MemoryReplica implements ReplicaService {
  readonly reader: EngineReader;
  readonly store: StateStore;
  /** Every proposal, read or admin request is refused with it while it is set. */
  refusal: ReplicaError | null = null;
  ready = true;
  staleness: number | null = 0;
  /** Barriers asked for. */
  barriers = 0;
  proposals = 0;
  /** Proposals and barriers wait for it. */
  gate: Promise<void> = Promise.resolve();
  #configuration: Configuration;

  constructor(engine: MemoryEngine, member: Member) {
    this.store = StateStore.open(engine);
    this.reader = new EngineReader(engine);
    this.#configuration = { members: [member] };
    this.#append("configuration", encodeConfiguration(this.#configuration));
  }

  refuse(code: ReplicaErrorCode): void {
    this.refusal = new ReplicaError(code, `the test refuses with ${code}`);
  }

  async propose(command: Command, _deadlineMs: number): Promise<CommandResult> {
    await this.gate;
    if (this.refusal !== null) throw this.refusal;
    this.proposals += 1;
    const header = { origin, sequence: this.proposals, timestampMs: Date.now() };
    const [settled] = this.#append("command", encodeCommand(header, command)).settled;
    if (settled === undefined) throw new Error("the state machine settled nothing");
    return settled.result;
  }

  async readBarrier(_deadlineMs: number): Promise<LogIndex> {
    this.barriers += 1;
    await this.gate;
    if (this.refusal !== null) throw this.refusal;
    return this.store.summary.appliedIndex;
  }

  stalenessMs(): number | null {
    return this.staleness;
  }

  async admin(request: AdminRequest, _deadlineMs: number): Promise<LogIndex> {
    if (this.refusal !== null) throw this.refusal;
    if (request.type === "transferLeadership") return this.store.summary.appliedIndex;
    this.#configuration = this.#changed(request.change);
    this.#append("configuration", encodeConfiguration(this.#configuration));
    return this.store.summary.appliedIndex;
  }

  status(): ReplicaStatus {
    return {
      raft: this.#raftStatus(),
      state: this.store.summary,
      counters: {
        leaderChanges: 1,
        proposalsAccepted: this.proposals,
        proposalsFailed: 0,
        proposalsPending: 0,
        readsPending: 0,
        entriesApplied: this.store.summary.appliedIndex,
        inboxItems: 0,
        inboxBytes: 0,
        snapshotsSent: 0,
        snapshotsInstalled: 0,
      },
      ready: this.ready,
      notReadyReason: this.ready ? "" : "no linearizable read has succeeded yet",
      corrupt: false,
      removed: false,
    };
  }

  storeStats(): { readonly logBytes: number; readonly stateBytes: number } {
    return { logBytes: 1000, stateBytes: 2000 };
  }

  #append(type: EntryType, data: Uint8Array): ReturnType<StateStore["apply"]> {
    const index = toLogIndex(this.store.summary.appliedIndex + 1);
    const entry: Entry = { index, term, type, data };
    return this.store.apply([entry], origin);
  }

  #changed(change: MembershipChange): Configuration {
    const { members } = this.#configuration;
    if (change.type === "addLearner") {
      const id = toNodeId(this.store.summary.appliedIndex + 1);
      const { name, peerAddress, clientAddress } = change;
      return { members: [...members, { id, name, peerAddress, clientAddress, role: "learner" }] };
    }
    const one = (member: Member): Member[] => {
      if (member.id !== change.nodeId) return [member];
      switch (change.type) {
        case "promote":
          return [{ ...member, role: "voter" }];
        case "demote":
          return [{ ...member, role: "learner" }];
        case "remove":
          return [];
        case "updateAddresses": {
          const { peerAddress, clientAddress } = change;
          return [{ ...member, peerAddress, clientAddress }];
        }
      }
    };
    return { members: members.flatMap(one) };
  }

  #raftStatus(): RaftStatus {
    const index = this.store.summary.appliedIndex;
    const [self] = this.#configuration.members;
    if (self === undefined) throw new Error("the test removed the only member");
    return {
      id: self.id,
      role: "leader",
      term,
      votedFor: self.id,
      leader: self.id,
      commitIndex: index,
      lastIndex: index,
      persistedIndex: index,
      firstIndex: toLogIndex(1),
      configuration: this.#configuration,
      configurationIndex: this.store.configurationIndex,
      transferTarget: null,
      progress: this.#configuration.members.slice(1).map(({ id }) => ({
        id,
        matchIndex: index,
        nextIndex: toLogIndex(index + 1),
        state: "replicate" as const,
        recentActive: true,
      })),
    };
  }
}

const self: Member = {
  id: toNodeId(1),
  name: "node-1",
  peerAddress: "127.0.0.1:5101",
  clientAddress: "http://127.0.0.1:5001",
  role: "voter",
};

export class MemoryNode implements NodeService {
  readonly name = "node-1";
  readonly memory: MemoryReplica = new MemoryReplica(new MemoryEngine(), self);
  phaseNow: NodePhase = "serving";
  identityNow: Identity | null = {
    clusterId: toClusterId(clusterId),
    nodeId: self.id,
    name: self.name,
  };
  openSnapshots = 0;

  phase(): NodePhase {
    return this.phaseNow;
  }
  identity(): Identity | null {
    return this.identityNow;
  }
  replica(): ReplicaService | null {
    return this.phaseNow === "blank" || this.phaseNow === "starting" ? null : this.memory;
  }
  makeBlank(): void {
    this.phaseNow = "blank";
    this.identityNow = null;
  }
  async bootstrap(): Promise<Identity> {
    return this.#become({ clusterId: toClusterId(clusterId), nodeId: self.id, name: self.name });
  }
  async join({ clusterId: joined, nodeId }: JoinRequest): Promise<Identity> {
    return this.#become({ clusterId: joined, nodeId, name: self.name });
  }
  async drain(): Promise<void> {
    this.phaseNow = "draining";
  }
  async openSnapshot(): Promise<SnapshotSource> {
    const source = this.memory.store.exportSnapshot();
    this.openSnapshots += 1;
    return {
      metadata: source.metadata,
      revision: source.revision,
      next: (done) => {
        setImmediate().then(
          () => done(source.next()),
          (error: unknown) => assert.fail(String(error)),
        );
      },
      close: () => {
        this.openSnapshots -= 1;
        source.close();
      },
    };
  }

  #become(identity: Identity): Identity {
    if (this.identityNow !== null) {
      throw new ReplicaError("ALREADY_BOOTSTRAPPED", `this node is ${this.identityNow.name}`);
    }
    this.identityNow = identity;
    this.phaseNow = "serving";
    return identity;
  }
}

/** AES-256-GCM with the key's name as additional data, as crypto/ does it. */
export function makeSealer(): Sealer {
  const secret = randomBytes(32);
  return {
    seal: (key, value) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", secret, nonce).setAAD(key);
      return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    },
    open: (key, sealed) => {
      const tag = sealed.subarray(sealed.length - 16);
      const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(0, 12));
      decipher.setAAD(key).setAuthTag(tag);
      const text = decipher.update(sealed.subarray(12, sealed.length - 16));
      return Buffer.concat([text, decipher.final()]);
    },
  };
}

export interface TestApi extends AsyncDisposable {
  readonly server: ApiServer;
  /** What the server was made of. */
  readonly setup: ServerSetup;
  readonly node: MemoryNode;
  readonly config: Config;
  /** Lines that were logged, as JSON. */
  readonly logged: string[];
  /** Codes of finished requests. */
  readonly finished: string[];
  /** An Authorization header with these grants; everything by default. */
  bearer(grants?: readonly Grant[]): string;
  /** Sends with a token for everything, unless `headers.authorization` is given. */
  send(options: InjectOptions): Promise<LightMyRequestResponse>;
}

const everything: readonly Grant[] = [{ prefix: "", verbs: ["read", "write", "admin"] }];

const testConfig = (secretFile: string, flags: readonly string[]): Config =>
  loadConfig({
    argv: [
      "--name=node-1",
      "--dataFolder=/nowhere",
      "--keyRingFile=/nowhere",
      "--peers.secretFile=/nowhere",
      `--auth.keys=${JSON.stringify([
        {
          name: "test",
          algorithm: "HS256",
          file: secretFile,
          issuer,
          audiences: [audience],
          grants: "trusted",
        },
      ])}`,
      ...flags,
    ],
    env: {},
    readFile: () => "",
  });

function makeLogger(lines: string[]): ReturnType<typeof pino> {
  const sink = new PassThrough();
  sink.on("data", (chunk: Buffer) => lines.push(chunk.toString("utf8")));
  return pino({ level: "debug" }, sink);
}

/** A server that is not listening yet. @param flags settings, such as `--limits.keyBytesMax=8` */
export async function makeApi(...flags: readonly string[]): Promise<TestApi> {
  const folder = makeFolder();
  const secret = Buffer.from(randomBytes(32).toString("hex"));
  const config = testConfig(folder.write("secret", secret), flags);
  const logged: string[] = [];
  const logger = makeLogger(logged);
  const auth = await openAuth({ config: config.auth, log: logger, nowMs: () => Date.now() });
  const node = new MemoryNode();
  const finished: string[] = [];
  const server = createHttpServer({
    node,
    authorizer: auth.authorizer,
    sealer: makeSealer(),
    config,
    metrics: { finished: ({ code }) => finished.push(code) },
    metricsPage: { contentType: "text/plain; version=0.0.4", render: async () => "up 1\n" },
    logger,
    version: "0.0.0-test",
  });
  const bearer = (grants: readonly Grant[] = everything): string => {
    const seconds = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: audience, sub: "test", exp: seconds + 600, kv: grants };
    return `Bearer ${signToken({ algorithm: "HS256", secret }, claims)}`;
  };
  const everyone = bearer();
  return {
    server,
    setup: server.setup,
    node,
    config,
    logged,
    finished,
    bearer,
    send: (options) =>
      server.app.inject({ ...options, headers: { authorization: everyone, ...options.headers } }),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      auth.close();
      folder[Symbol.dispose]();
    },
  };
}

/** Lets the event loop turn until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** The problem document of an answer. */
export const problemOf = (response: LightMyRequestResponse): Problem => {
  const type = response.headers["content-type"];
  if (type !== "application/problem+json") {
    throw new Error(`${response.statusCode} ${type}: ${response.body}`);
  }
  return response.json();
};
