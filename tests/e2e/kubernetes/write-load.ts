/**
 * Runs in a pod beside the store and writes through its Service, as an application would: one key
 * and value for each write, nothing written twice. It notes when each write was acknowledged and
 * under which revision, and answers on a port of its own what it saw. It must know nothing of the
 * store's nodes: what it measures is what a client feels.
 *
 *   GET /window   what happened since the last call: writes, gaps between acknowledgements
 *   GET /verify   stops writing, reads everything back, tells every write that is missing or wrong
 */
import { KVClientError, KVStoreClient, UnknownOutcomeError } from "@kvcluster/client";
import { serveProgram } from "./program-server.ts";

const writers = Number(process.env["LOAD_WRITERS"] ?? "6");
const prefix = process.env["LOAD_PREFIX"] ?? "load/";
const endpoint = process.env["LOAD_ENDPOINT"] ?? "";
const tokenFile = process.env["LOAD_TOKEN_FILE"] ?? "/var/run/secrets/kvcluster/token";
/** Between two writes of one writer: a load that leaves the machine to the store. */
const PAUSE_MS = 10;
const WRITE_TIMEOUT_MS = 3_000;
/** A pause in acknowledgements that a client would call unavailability. */
const GAP_MS = 250;
const TOLD_MAX = 20;

interface Acknowledged {
  readonly value: string;
  readonly revision: number;
}

interface Window {
  startedMs: number;
  lastAckMs: number;
  acknowledged: number;
  unknown: number;
  refused: number;
  longestGapMs: number;
  /** Sum of the gaps of more than 250 ms. */
  unavailableMs: number;
  gaps: number[];
  readonly reasons: Record<string, number>;
}

const acknowledged = new Map<string, Acknowledged>();
const unknown = new Map<string, string>();
let isStopping = false;
let window = openWindow(performance.now());

function openWindow(nowMs: number): Window {
  return {
    ...{ startedMs: nowMs, lastAckMs: nowMs, acknowledged: 0, unknown: 0, refused: 0 },
    ...{ longestGapMs: 0, unavailableMs: 0, gaps: [], reasons: {} },
  };
}

function noteGap(nowMs: number): void {
  const gapMs = Math.round(nowMs - window.lastAckMs);
  window.lastAckMs = nowMs;
  window.longestGapMs = Math.max(window.longestGapMs, gapMs);
  if (gapMs <= GAP_MS) return;
  window.unavailableMs += gapMs;
  window.gaps.push(gapMs);
}

/** A gap that is still open is told in both windows, each its part. */
function closeWindow(): object {
  const nowMs = performance.now();
  noteGap(nowMs);
  const { startedMs, lastAckMs: _, ...told } = window;
  const seconds = Math.round((nowMs - startedMs) / 100) / 10;
  window = openWindow(nowMs);
  return { seconds, ...told };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const connect = (): KVStoreClient =>
  new KVStoreClient({ endpoints: endpoint, auth: { tokenFile } });

async function write(writer: number): Promise<void> {
  // A connection of its own for each writer, so that the Service spreads them over the nodes.
  await using client = connect();
  for (let n = 0; !isStopping; n += 1) {
    const key = `${prefix}${writer}/${n}`;
    const value = `${writer}.${n}.`.padEnd(64, "v");
    await attempt(client, key, value);
    await sleep(PAUSE_MS);
  }
}

async function attempt(client: KVStoreClient, key: string, value: string): Promise<void> {
  try {
    const { revision } = await client.set(key, value, { timeoutMs: WRITE_TIMEOUT_MS });
    acknowledged.set(key, { value, revision });
    noteGap(performance.now());
    window.acknowledged += 1;
  } catch (error) {
    if (!(error instanceof KVClientError)) throw error;
    window.reasons[error.code] = (window.reasons[error.code] ?? 0) + 1;
    if (error instanceof UnknownOutcomeError) {
      unknown.set(key, value);
      window.unknown += 1;
      return;
    }
    window.refused += 1;
    await sleep(5 * PAUSE_MS);
  }
}

async function verify(): Promise<object> {
  isStopping = true;
  await writing;
  await using client = connect();
  const found = new Map<string, Acknowledged>();
  for await (const entry of client.list({ prefix, pageSize: 500, timeoutMs: 30_000 })) {
    found.set(entry.keyText(), { value: entry.text(), revision: entry.modRevision });
  }
  const faults: string[] = [];
  for (const [key, wanted] of acknowledged) {
    const entry = found.get(key);
    if (entry?.value === wanted.value && entry.revision === wanted.revision) continue;
    faults.push(`${key}: ${JSON.stringify(entry ?? null)}, acknowledged ${wanted.revision}`);
  }
  for (const [key, { value }] of found) {
    if (acknowledged.has(key) || unknown.get(key) === value) continue;
    // A refusal promises that nothing was changed.
    faults.push(`${key}: is there, though it was refused or never written so`);
  }
  const revisions = new Set([...acknowledged.values()].map(({ revision }) => revision));
  return {
    acknowledged: acknowledged.size,
    revisions: revisions.size,
    unknown: unknown.size,
    faultCount: faults.length,
    faults: faults.slice(0, TOLD_MAX),
  };
}

async function answer(path: string): Promise<object> {
  if (path === "/window") return closeWindow();
  if (path === "/verify") return await verify();
  return { acknowledged: acknowledged.size };
}

serveProgram(answer);

const writing = Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
await writing;
