/** The single-key routes: get, put, delete. The hot path: no schema, no object without need. */
import { deleteAnswerSchema, formatEtag, headers, putAnswerSchema } from "@kvcluster/protocol";
import { type CommandResult, type KvRecord, toRevision } from "../kv/index.ts";
import { ApiError } from "./api-error.ts";
import type { Need } from "./authorization.ts";
import { commandFailure, unexpectedResult } from "./command-result.ts";
import {
  deleteCondition,
  evaluateRead,
  type ReadConditions,
  readConditions,
  writeCondition,
} from "./conditions.ts";
import { type ApiContext, servingReplica } from "./context.ts";
import { checkValue, keyFromPath } from "./key-input.ts";
import {
  conditionParameters,
  consistencyParameters,
  keyParameter,
  timeoutParameters,
} from "./parameter-docs.ts";
import { readCurrent } from "./read-batcher.ts";
import type { Answer, Call, PlainAnswer, Plan, Route } from "./route.ts";
import { readStaleness, type Staleness } from "./staleness.ts";
import { keyRoutePath } from "./target.ts";

const needOne = (verb: Need["verb"], key: Uint8Array): readonly Need[] => [
  { verb, ranges: [{ start: key, end: null }] },
];

/** A key that was found, with what the answer's headers say. */
interface Found {
  readonly record: KvRecord;
  readonly revision: number;
  /** Empty on a linearizable read. */
  readonly extraHeaders: readonly string[];
}

const valueHeaders = (found: Found): string[] => [
  "content-type",
  "application/octet-stream",
  "x-content-type-options",
  "nosniff",
  "cache-control",
  "private, no-cache",
  "etag",
  formatEtag(found.record.modRevision),
  headers.revision,
  String(found.revision),
  headers.createRevision,
  String(found.record.createRevision),
  headers.version,
  String(found.record.version),
  ...found.extraHeaders,
];

function openValue(key: Uint8Array, record: KvRecord, context: ApiContext): Uint8Array {
  try {
    return context.sealer.open(key, record.value);
  } catch (cause) {
    throw new ApiError("VALUE_UNREADABLE", "the stored value could not be decrypted", { cause });
  }
}

function answerFound(key: Uint8Array, found: Found, call: KeyCall): PlainAnswer {
  if (call.conditions !== null) {
    const outcome = evaluateRead(call.conditions, formatEtag(found.record.modRevision));
    if (outcome === "notModified") {
      return { type: "plain", status: 304, headers: valueHeaders(found), body: "" };
    }
    if (outcome === "failed") {
      throw new ApiError("CONDITION_FAILED", "If-Match does not name the key's revision", {
        revision: found.record.modRevision,
      });
    }
  }
  const body = openValue(key, found.record, call.context);
  return { type: "plain", status: 200, headers: valueHeaders(found), body };
}

interface KeyCall {
  readonly conditions: ReadConditions | null;
  readonly context: ApiContext;
}

/**
 * @param when empty for the current state: an absent key bears no witness of the revision at which
 * it was read, and the node may not have heard yet of the deletion that the read has seen.
 */
const notFound = (when: string, conditions: ReadConditions | null): ApiError =>
  conditions?.ifMatch != null
    ? new ApiError("CONDITION_FAILED", "If-Match: the key does not exist", { revision: 0 })
    : new ApiError("KEY_NOT_FOUND", `the key does not exist${when}`);

async function getCurrent(key: Uint8Array, call: Call, keyCall: KeyCall): Promise<Answer> {
  const { record, revision } = await keyCall.context.reads.get(key, call.deadlineMs);
  if (record === undefined) throw notFound("", keyCall.conditions);
  return answerFound(key, { record, revision, extraHeaders: [] }, keyCall);
}

function getStale(key: Uint8Array, staleness: Staleness, keyCall: KeyCall): Answer {
  const replica = servingReplica(keyCall.context.node);
  const extraHeaders = staleness.headersOf(replica);
  const { records, revision } = readCurrent(replica, [key]);
  const record = records[0];
  if (record === undefined) throw notFound("", keyCall.conditions);
  return answerFound(key, { record, revision, extraHeaders }, keyCall);
}

interface PastRead {
  readonly revision: number;
  readonly staleness: Staleness | null;
  readonly deadlineMs: number;
}

async function getPast(key: Uint8Array, past: PastRead, keyCall: KeyCall): Promise<Answer> {
  const replica = servingReplica(keyCall.context.node);
  const extraHeaders = past.staleness?.headersOf(replica) ?? [];
  if (past.staleness === null) await replica.readBarrier(past.deadlineMs);
  const result = replica.reader.getAt(key, toRevision(past.revision));
  switch (result.type) {
    case "found": {
      const { record, revision } = result;
      return answerFound(key, { record, revision, extraHeaders }, keyCall);
    }
    case "absent":
      throw notFound(` at revision ${past.revision}`, keyCall.conditions);
    case "failed":
      throw commandFailure(result.code, result.revision, result.revision);
  }
}

function planGet(call: Call, context: ApiContext): Plan {
  const key = keyFromPath(call.key, context.limits);
  const staleness = readStaleness(call.query);
  const revision = call.query.integer("revision", 1, Number.MAX_SAFE_INTEGER);
  const keyCall = { conditions: readConditions(call.headers), context };
  return {
    needs: needOne("read", key),
    run: async () => {
      if (revision !== null) {
        const past = { revision, staleness, deadlineMs: call.deadlineMs };
        return getPast(key, past, keyCall);
      }
      if (staleness !== null) return getStale(key, staleness, keyCall);
      return getCurrent(key, call, keyCall);
    },
  };
}

function answerPut(result: CommandResult): Answer {
  if (result.type === "failed") {
    throw commandFailure(result.code, result.revision, result.current);
  }
  if (result.type !== "put") throw unexpectedResult("put", result);
  const { revision, created } = result;
  return {
    type: "plain",
    status: created ? 201 : 200,
    headers: [
      "content-type",
      "application/json",
      "etag",
      formatEtag(revision),
      headers.revision,
      String(revision),
    ],
    body: created
      ? `{"revision":${revision},"created":true}`
      : `{"revision":${revision},"created":false}`,
  };
}

function planPut(call: Call, context: ApiContext): Plan {
  const key = keyFromPath(call.key, context.limits);
  const value = checkValue(call.body, context.limits);
  const condition = writeCondition(call.headers);
  return {
    needs: needOne("write", key),
    run: async () => {
      const replica = servingReplica(context.node);
      const sealed = context.sealer.seal(key, value);
      const command = { type: "put", key, value: sealed, condition } as const;
      return answerPut(await replica.propose(command, call.deadlineMs));
    },
  };
}

function answerDelete(result: CommandResult): Answer {
  if (result.type === "failed") {
    throw commandFailure(result.code, result.revision, result.current);
  }
  if (result.type !== "deleted") throw unexpectedResult("delete", result);
  const { revision, count } = result;
  if (count === 0) throw new ApiError("KEY_NOT_FOUND", "there was nothing to delete");
  return {
    type: "plain",
    status: 200,
    headers: ["content-type", "application/json", headers.revision, String(revision)],
    body: `{"revision":${revision},"deleted":${count}}`,
  };
}

function planDelete(call: Call, context: ApiContext): Plan {
  const key = keyFromPath(call.key, context.limits);
  const condition = deleteCondition(call.headers);
  return {
    needs: needOne("write", key),
    run: async () => {
      const replica = servingReplica(context.node);
      const command = { type: "delete", key, condition } as const;
      return answerDelete(await replica.propose(command, call.deadlineMs));
    },
  };
}

const get: Route = {
  method: "GET",
  path: keyRoutePath,
  access: "read",
  body: "none",
  mutates: false,
  query: ["consistency", "maxStaleness", "revision"],
  doc: {
    summary: "Read a key",
    parameters: [keyParameter, ...consistencyParameters, ...timeoutParameters],
    answers: { 200: "bytes", 304: "none" },
  },
  plan: planGet,
};

/** The routes of `/v1/kv/{key}`. */
export const kvRoutes: readonly Route[] = [
  get,
  {
    ...get,
    method: "HEAD",
    doc: { ...get.doc, summary: "Headers of a key", answers: { 200: "none", 304: "none" } },
  },
  {
    method: "PUT",
    path: keyRoutePath,
    access: "write",
    body: "value",
    mutates: true,
    query: [],
    doc: {
      summary: "Write a key; with If-Match or If-None-Match a compare-and-set",
      parameters: [keyParameter, ...conditionParameters, ...timeoutParameters],
      requestBody: "bytes",
      answers: { 200: putAnswerSchema, 201: putAnswerSchema },
    },
    plan: planPut,
  },
  {
    method: "DELETE",
    path: keyRoutePath,
    access: "write",
    body: "none",
    mutates: true,
    query: [],
    doc: {
      summary: "Delete a key; 404 when there was nothing",
      parameters: [keyParameter, ...conditionParameters, ...timeoutParameters],
      answers: { 200: deleteAnswerSchema },
    },
    plan: planDelete,
  },
];
