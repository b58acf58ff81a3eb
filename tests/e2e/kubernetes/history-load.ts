/**
 * Runs in a pod beside the store: the clients of the linearizability suite, at each pod of the
 * store and at its Service. It records every operation and, when all is calm, reads the store's own
 * account of every revision back and checks that the history is one of a single, correct store.
 *
 *   GET /         how many writes were answered
 *   GET /verify   stops, reads back, checks: counts, and the violations
 *   GET /history  after that: everything that was checked
 */
import { readFileSync } from "node:fs";
import { KVStoreClient } from "@kvcluster/client";
import { check } from "../../linearizability/checker.test-kit.ts";
import {
  describeOperation,
  type History,
  isWrite,
  type NamedRecord,
  type Operation,
} from "../../linearizability/operation.test-kit.ts";
import { PlainClient } from "../../linearizability/plain-client.test-kit.ts";
import { ProductClient } from "../../linearizability/product-client.test-kit.ts";
import { readBack } from "../../linearizability/read-back.test-kit.ts";
import { PREFIX, Workload } from "../../linearizability/workload.test-kit.ts";
import { Random } from "../../simulation/random.test-kit.ts";
import { serveProgram } from "./program-server.ts";

const nodes = (process.env["HISTORY_NODES"] ?? "").split(" ");
const service = process.env["HISTORY_SERVICE"] ?? "";
const seed = Number(process.env["HISTORY_SEED"] ?? "1");
const tokenFile = process.env["HISTORY_TOKEN_FILE"] ?? "/var/run/secrets/kvcluster/token";
const SEED_WRITES = 120;
/** Thirty clients of this pace leave the machine to the store; their history can be checked. */
const PAUSE_MS = 150;
/** The kubelet renews the token minutes before it expires. */
const TOKEN_READ_MS = 30_000;
const READ_TIMEOUT_MS = 30_000;
const VIOLATIONS_TOLD_MAX = 5;

let [token, readAtMs] = ["", Number.NEGATIVE_INFINITY];
function currentToken(): string {
  const nowMs = performance.now();
  if (nowMs - readAtMs > TOKEN_READ_MS) {
    [token, readAtMs] = [readFileSync(tokenFile, "utf8").trim(), nowMs];
  }
  return token;
}

const plain = (base: string): PlainClient => new PlainClient(base, currentToken);
const clients = nodes.map(plain);
const viaService = plain(service);
const product = [nodes, [service]].map(
  (endpoints) => new ProductClient(new KVStoreClient({ endpoints, auth: { tokenFile } })),
);
const ways = { nodes: clients, others: [viaService, ...product] };
const random = new Random(seed);
const label = `${seed}-`;
let workload: Workload | null = null;
let base: History["base"] = { revision: 0, records: [] };
let history: History | null = null;

/** Everything, at the newest revision, as an operation of one more client. */
async function listAll(client: PlainClient): Promise<Operation> {
  const request = { type: "list", prefix: PREFIX, at: null } as const;
  const calledAt = performance.now();
  const outcome = await client.perform(request, { timeoutMs: READ_TIMEOUT_MS });
  return { client: -1, request, calledAt, returnedAt: performance.now(), outcome };
}

function stateOf(operation: Operation): {
  readonly revision: number;
  readonly records: readonly NamedRecord[];
} {
  const { outcome } = operation;
  if (outcome.type === "ok" && outcome.answer.type === "page") return outcome.answer;
  throw new Error(`the state could not be read: ${describeOperation(operation)}`);
}

async function begin(): Promise<void> {
  const seeding = new Workload(ways, { random: random.fork("seeding"), label, baseRevision: 0 });
  await seeding.seed(viaService, SEED_WRITES);
  base = stateOf(await listAll(viaService));
  const options = { random: random.fork("load"), label, pauseMs: PAUSE_MS };
  workload = new Workload(ways, { ...options, baseRevision: base.revision });
  workload.start();
}

async function verify(): Promise<object> {
  if (workload === null) throw new Error("the load did not begin yet");
  await workload.stop();
  if (workload.failure !== null) throw workload.failure;
  const states = [await listAll(viaService), ...(await Promise.all(clients.map(listAll)))];
  const operations = [...workload.operations, ...states];
  const last = states.map(stateOf).reduce((a, b) => (a.revision > b.revision ? a : b));
  const range = { baseRevision: base.revision, lastRevision: last.revision };
  const revisions = await readBack({ clients, ...range, operations });
  history = { base, operations, revisions };
  const { violations, resolved } = check(history);
  const count = (type: string): number =>
    operations.filter(({ outcome }) => outcome.type === type).length;
  return {
    operations: operations.length,
    answered: count("ok"),
    writes: operations.filter(({ request, outcome }) => isWrite(request) && outcome.type === "ok")
      .length,
    refused: count("failed"),
    unknown: count("unknown"),
    resolved: resolved.size,
    revisions: revisions.length,
    violationCount: violations.length,
    violations: violations.slice(0, VIOLATIONS_TOLD_MAX),
  };
}

async function answer(path: string): Promise<object> {
  if (path === "/verify") return await verify();
  if (path === "/history") return history ?? {};
  return { written: workload?.written ?? 0 };
}

serveProgram(answer);

await begin();
