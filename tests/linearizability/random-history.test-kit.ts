/** Random histories: right ones, as a linearizable store would have made them, and broken ones. */
import type { Random } from "../simulation/random.test-kit.ts";
import { ModelStore } from "./model-store.test-kit.ts";
import type {
  Answer,
  Change,
  Condition,
  History,
  KeyRecord,
  Operation,
  Outcome,
  Request,
  RevisionChanges,
} from "./operation.test-kit.ts";

export interface Shape {
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
}

/** When an operation is called, takes effect and returns; two clients overlap as chance has it. */
interface Span {
  readonly client: number;
  readonly calledAt: number;
  readonly effectAt: number;
  readonly returnedAt: number;
}

function drawSpans(random: Random, { operations, clients }: Shape): readonly Span[] {
  const freeAt = Array.from({ length: clients }, () => 0);
  const spans = Array.from({ length: operations }, () => {
    const client = random.integer(0, clients - 1);
    const calledAt = (freeAt[client] ?? 0) + random.between(0.1, 3);
    const effectAt = calledAt + random.between(0.1, 3);
    const returnedAt = effectAt + random.between(0.1, 3);
    freeAt[client] = returnedAt;
    return { client, calledAt, effectAt, returnedAt };
  });
  return spans.sort((a, b) => a.effectAt - b.effectAt);
}

/** A history of a store that did everything right, unknown and refused writes among them. */
export function drawHistory(random: Random, shape: Shape): History {
  let store = new ModelStore();
  const operations: Operation[] = [];
  const revisions: RevisionChanges[] = [];
  for (const [n, span] of drawSpans(random, shape).entries()) {
    const { client, calledAt, returnedAt } = span;
    const request = drawRequest(random, { shape, revision: store.revision, value: `v${n}` });
    const fate = random.next();
    const isRefused = fate < 0.08;
    const isLost = fate >= 0.08 && fate < 0.14;
    const applied = isRefused || isLost ? null : store.apply(request);
    if (applied !== null && applied.changes.length > 0) {
      store = applied.store;
      revisions.push({ revision: store.revision, changes: applied.changes });
    }
    const isRead = request.type === "get" || request.type === "list";
    const isUnknown = !isRead && (isLost || fate > 0.92);
    const outcome: Outcome = isUnknown
      ? { type: "unknown" }
      : applied === null
        ? { type: "failed" }
        : { type: "ok", answer: forget(random, applied.answer) };
    operations.push({ client, request, calledAt, returnedAt, outcome });
  }
  return { base: { revision: 0, records: [] }, operations, revisions };
}

/** Some answers do not tell the store's revision. */
function forget(random: Random, answer: Answer): Answer {
  const mayForget = answer.type === "record" || answer.type === "nothing";
  return mayForget && random.chance(0.5) ? { ...answer, revision: null } : answer;
}

interface Drawing {
  readonly shape: Shape;
  readonly revision: number;
  readonly value: string;
}

function drawRequest(random: Random, { shape, revision, value }: Drawing): Request {
  const key = `k${random.integer(1, shape.keys)}`;
  const at = random.chance(0.2) && revision > 0 ? random.integer(1, revision) : null;
  const condition = drawCondition(random, revision);
  return random.pick<() => Request>([
    () => ({ type: "put", key, value, condition: { type: "none" } }),
    () => ({ type: "put", key, value, condition }),
    () => ({ type: "delete", key, condition: { type: "none" } }),
    () => ({ type: "delete", key, condition }),
    () => ({ type: "deletePrefix", prefix: random.pick(["k", "k1"]) }),
    () => ({
      type: "batch",
      items: [
        { key: "k1", value: `${value}a` },
        { key: "k2", value: random.chance(0.5) ? `${value}b` : null },
      ],
    }),
    () => ({ type: "get", key, at }),
    () => ({ type: "list", prefix: random.pick(["k", "k1"]), at }),
  ])();
}

const drawCondition = (random: Random, revision: number): Condition =>
  random.pick<Condition>([
    { type: "absent" },
    { type: "exists" },
    { type: "modRevision", revision: random.integer(1, Math.max(1, revision)) },
  ]);

/** One small change to a history: it may still be right, mostly it is not. */
export function distort(random: Random, history: History): History {
  const { operations, revisions } = history;
  const at = random.integer(0, Math.max(0, operations.length - 1));
  const where = random.integer(0, Math.max(0, revisions.length - 1));
  const change = (make: (operation: Operation) => Operation): History => ({
    ...history,
    operations: operations.map((operation, i) => (i === at ? make(operation) : operation)),
  });
  return random.pick<() => History>([
    () => change((operation) => ({ ...operation, ...drawTimes(random) })),
    () => change((operation) => ({ ...operation, outcome: drawOutcome(random, operation) })),
    () => change((operation) => ({ ...operation, outcome: { type: "failed" } })),
    () => ({ ...history, operations: operations.filter((_, i) => i !== at) }),
    () => ({ ...history, revisions: renumber(revisions.filter((_, i) => i !== where)) }),
    () => ({ ...history, revisions: renumber(swap(revisions, where)) }),
  ])();
}

function drawTimes(random: Random): Pick<Operation, "calledAt" | "returnedAt"> {
  const calledAt = random.between(0, 20);
  return { calledAt, returnedAt: calledAt + random.between(0.1, 5) };
}

function drawOutcome(random: Random, { outcome }: Operation): Outcome {
  if (outcome.type !== "ok") return outcome;
  const { answer } = outcome;
  const step = random.pick([-1, 1]);
  switch (answer.type) {
    case "written":
    case "page":
      return { type: "ok", answer: { ...answer, revision: answer.revision + step } };
    case "nothing":
      return { type: "ok", answer: { ...answer, revision: (answer.revision ?? 0) + step } };
    case "conditionFailed":
      return { type: "ok", answer: { ...answer, modRevision: answer.modRevision + step } };
    case "record": {
      const record = answer.record;
      const version = (record?.version ?? 0) + step;
      return {
        type: "ok",
        answer: record === null ? answer : { ...answer, record: { ...record, version } },
      };
    }
  }
}

const swap = (revisions: readonly RevisionChanges[], at: number): readonly RevisionChanges[] => [
  ...revisions.slice(0, at),
  ...revisions.slice(at, at + 2).reverse(),
  ...revisions.slice(at + 2),
];

/** The same values at other revisions, with the counts that belong to them. */
function renumber(revisions: readonly RevisionChanges[]): readonly RevisionChanges[] {
  const records = new Map<string, KeyRecord>();
  return revisions.map(({ changes }, i) => {
    const revision = i + 1;
    const renumbered = changes.map(({ key, record }): Change => {
      const previous = records.get(key);
      if (record === null) records.delete(key);
      if (record === null) return { key, record };
      const now = {
        value: record.value,
        modRevision: revision,
        createRevision: previous?.createRevision ?? revision,
        version: (previous?.version ?? 0) + 1,
      };
      records.set(key, now);
      return { key, record: now };
    });
    return { revision, changes: renumbered };
  });
}
