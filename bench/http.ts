/**
 * What the HTTP layer alone costs: the shipped server, token check and routes over a node that
 * answers at once, driven over loopback by a process of its own. Prints requests per second, and
 * the CPU time of the serving thread per request, which is what counts on shared cores.
 *
 *   node bench/http.ts [--connections 64] [--seconds 5] [--value 256]
 */
import { fork } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openAuth } from "../node/src/api/auth/index.ts";
import { createHttpServer } from "../node/src/api/index.ts";
import { type Config, loadConfig } from "../node/src/config/index.ts";
import { type KvRecord, toRevision } from "../node/src/kv/index.ts";
import {
  type RaftStatus,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../node/src/raft/index.ts";
import type { NodeService, ReplicaService, ReplicaStatus } from "../node/src/replica/index.ts";

const { values: flags } = parseArgs({
  options: {
    connections: { type: "string", default: "64" },
    seconds: { type: "string", default: "5" },
    value: { type: "string", default: "256" },
    /** Only these of livez, get, put. */
    only: { type: "string", default: "livez,get,put" },
    load: { type: "string" },
  },
});
const connections = Number(flags.connections);
const seconds = Number(flags.seconds);
const valueBytes = Number(flags.value);

/** One request, repeated over each connection as soon as it is answered. */
interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly request: string;
}

/** The load generator's process. */
async function drive(load: Load): Promise<number> {
  const request = Buffer.from(load.request, "latin1");
  const mark = "HTTP/1.1 ";
  let answered = 0;
  const sockets = Array.from({ length: load.connections }, () => {
    const socket = connect({ host: "127.0.0.1", port: load.port, noDelay: true });
    socket.on("connect", () => socket.write(request));
    socket.on("data", (bytes) => {
      const chunk = bytes.toString("latin1");
      for (let at = chunk.indexOf(mark); at !== -1; at = chunk.indexOf(mark, at + 9)) {
        answered += 1;
        socket.write(request);
      }
    });
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
  for (const socket of sockets) socket.destroy();
  return answered;
}

const revision = toRevision(7);
const one = toLogIndex(1);
const raft: RaftStatus = {
  id: toNodeId(1),
  role: "leader",
  term: toTerm(1),
  votedFor: toNodeId(1),
  leader: toNodeId(1),
  commitIndex: one,
  lastIndex: one,
  persistedIndex: one,
  firstIndex: one,
  configuration: { members: [] },
  configurationIndex: one,
  transferTarget: null,
  progress: [],
};

/** A replica that answers at once: only the layer above it is measured. */
function makeReplica(value: Uint8Array): ReplicaService {
  const record: KvRecord = {
    modRevision: revision,
    createRevision: revision,
    version: 1,
    lease: 0,
    value,
  };
  const status: ReplicaStatus = {
    raft,
    state: {
      revision,
      compactRevision: toRevision(0),
      appliedIndex: one,
      appliedTerm: toTerm(1),
      keys: 1,
      hash: 0,
      checkpoint: null,
    },
    counters: {
      leaderChanges: 0,
      proposalsAccepted: 0,
      proposalsFailed: 0,
      proposalsPending: 0,
      readsPending: 0,
      entriesApplied: 0,
      inboxItems: 0,
      inboxBytes: 0,
      snapshotsSent: 0,
      snapshotsInstalled: 0,
    },
    ready: true,
    notReadyReason: "",
    corrupt: false,
    removed: false,
  };
  return {
    reader: {
      getMany: (keys) => keys.map(() => record),
      getAt: () => ({ type: "found", record, revision }),
      scan: async () => ({ type: "page", rows: [], revision, more: false, count: 0 }),
    },
    propose: async () => ({ type: "put", revision, created: false }),
    readBarrier: async () => one,
    stalenessMs: () => 0,
    admin: async () => one,
    status: () => status,
    storeStats: () => ({ logBytes: 0, stateBytes: 0 }),
  };
}

function makeNode(): NodeService {
  const replica = makeReplica(randomBytes(valueBytes));
  const identity = { clusterId: toClusterId("0".repeat(32)), nodeId: toNodeId(1), name: "bench" };
  const refuse = (): never => {
    throw new Error("not part of the measurement");
  };
  return {
    name: "bench",
    phase: () => "serving",
    identity: () => identity,
    replica: () => replica,
    bootstrap: refuse,
    join: refuse,
    drain: refuse,
    openSnapshot: refuse,
  };
}

function makeConfig(secretFile: string): Config {
  const key = {
    name: "bench",
    algorithm: "HS256",
    file: secretFile,
    issuer: "bench",
    audiences: ["bench"],
    grants: "trusted",
  };
  const needed = ["--name=bench", "--dataFolder=/x", "--keyRingFile=/x", "--peers.secretFile=/x"];
  return loadConfig({
    argv: [...needed, `--auth.keys=${JSON.stringify([key])}`],
    env: {},
    readFile: () => "",
  });
}

function makeToken(secret: Buffer): string {
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const kv = [{ prefix: "", verbs: ["read", "write", "admin"] }];
  const claims = { iss: "bench", aud: "bench", sub: "bench", exp, kv };
  const input = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

function runLoad(load: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ["--load", JSON.stringify(load)]);
    child.on("message", (answered) => resolve(Number(answered)));
    child.on("error", reject);
  });
}

async function measure(name: string, load: Load): Promise<void> {
  if (!flags.only.split(",").includes(name)) return;
  await runLoad({ ...load, seconds: 1 });
  const cpuBefore = process.cpuUsage();
  const answered = await runLoad(load);
  const { user, system } = process.cpuUsage(cpuBefore);
  const micros = (user + system) / answered;
  console.log(
    `${name.padEnd(6)} ${Math.round(answered / load.seconds)} req/s  ` +
      `${micros.toFixed(1)} µs CPU per request, ` +
      `${(system / answered).toFixed(1)} of them in the kernel  ` +
      `${Math.round(1e6 / micros)} req/s per core`,
  );
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-bench-"));
  const secret = Buffer.from(randomBytes(32).toString("hex"));
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, secret, { mode: 0o600 });
  const config = makeConfig(secretFile);
  const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
  const auth = await openAuth({ config: config.auth, log: silent, nowMs: () => Date.now() });
  const server = createHttpServer({
    node: makeNode(),
    authorizer: auth.authorizer,
    sealer: { seal: (_key, value) => value, open: (_key, sealed) => sealed },
    config,
    metrics: { finished: () => {} },
    metricsPage: { contentType: "text/plain", render: async () => "" },
    logger: { ...silent, isLevelEnabled: () => false },
    version: "bench",
  });
  const address = await server.listen("127.0.0.1:0");
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  const common = `Host: ${address}\r\nAuthorization: Bearer ${makeToken(secret)}\r\n`;
  const get = `GET /v1/kv/app/key-000001 HTTP/1.1\r\n${common}\r\n`;
  const put =
    `PUT /v1/kv/app/key-000001 HTTP/1.1\r\n${common}` +
    `Content-Length: ${valueBytes}\r\n\r\n${"v".repeat(valueBytes)}`;
  console.log(`${connections} connections, ${valueBytes}-byte values, node ${process.version}`);
  await measure("livez", {
    port,
    connections,
    seconds,
    request: `GET /livez HTTP/1.1\r\n${common}\r\n`,
  });
  await measure("get", { port, connections, seconds, request: get });
  await measure("put", { port, connections, seconds, request: put });
  await server.close();
  auth.close();
  rmSync(folder, { recursive: true });
}

if (flags.load === undefined) await main();
else process.send?.(await drive(JSON.parse(flags.load)), () => process.exit(0));
