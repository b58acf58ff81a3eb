/** A right history of any length, made in linear time: one store, many clients that overlap. */
import { Random } from "../simulation/random.test-kit.ts";
import type {
  History,
  KeyRecord,
  NamedRecord,
  Operation,
  Outcome,
  Request,
  RevisionChanges,
} from "./operation.test-kit.ts";

const KEYS = 1_000;
const UNKNOWN_SHARE = 0.005;
/** Operations that take effect within this time of each other overlap. */
const LATENCY = 20;

export function drawLongHistory(count: number): History {
  const random = new Random(1);
  const state = new Map<string, KeyRecord>();
  const operations: Operation[] = [];
  const revisions: RevisionChanges[] = [];
  for (let n = 0; n < count; n += 1) {
    const key = `k${random.integer(KEYS, 2 * KEYS - 1)}`;
    const request = drawRequest(random, key, `v${n}`);
    const outcome = apply(request, state, revisions);
    const isLost = "value" in request && random.chance(UNKNOWN_SHARE);
    operations.push({
      client: n % 64,
      request,
      calledAt: n - random.between(0.5, LATENCY),
      returnedAt: n + random.between(0.5, LATENCY),
      outcome: isLost ? { type: "unknown" } : outcome,
    });
  }
  return { base: { revision: 0, records: [] }, operations, revisions };
}

function drawRequest(random: Random, key: string, value: string): Request {
  const kind = random.next();
  if (kind < 0.45) return { type: "put", key, value, condition: { type: "none" } };
  if (kind < 0.5) return { type: "delete", key, condition: { type: "none" } };
  if (kind < 0.97) return { type: "get", key, at: null };
  // Ten keys of the thousand.
  return { type: "list", prefix: key.slice(0, -1), at: null };
}

function apply(
  request: Request,
  state: Map<string, KeyRecord>,
  revisions: RevisionChanges[],
): Outcome {
  const revision = revisions.length + 1;
  const now = revisions.length;
  if (request.type === "list") {
    const records = Array.from({ length: 10 }, (_, i) => `${request.prefix}${i}`).flatMap(
      (key): NamedRecord[] => {
        const record = state.get(key);
        return record === undefined ? [] : [{ key, ...record }];
      },
    );
    return { type: "ok", answer: { type: "page", revision: now, records } };
  }
  if (!("key" in request)) throw new Error(`not drawn: ${request.type}`);
  const { key } = request;
  const previous = state.get(key) ?? null;
  if (request.type === "get") {
    const told = now % 2 === 0 ? now : null;
    return { type: "ok", answer: { type: "record", revision: told, record: previous } };
  }
  if (request.type === "delete" && previous === null) {
    return { type: "ok", answer: { type: "nothing", revision: null } };
  }
  const record =
    request.type === "delete"
      ? null
      : {
          value: request.value,
          modRevision: revision,
          createRevision: previous?.createRevision ?? revision,
          version: (previous?.version ?? 0) + 1,
        };
  if (record === null) state.delete(key);
  else state.set(key, record);
  revisions.push({ revision, changes: [{ key, record }] });
  return { type: "ok", answer: { type: "written", revision } };
}
