/** The range routes: one page of keys at one revision, and range delete. */
import {
  deleteAnswerSchema,
  headers,
  type ListItem,
  type ListPage,
  listPageSchema,
  prefixEnd,
} from "@kvcluster/protocol";
import { type Revision, toRevision } from "../kv/index.ts";
import type { KeyValue, ReplicaService, ScanRequest, ScanResult } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";
import type { Need } from "./authorization.ts";
import { commandFailure, unexpectedResult } from "./command-result.ts";
import { type ApiContext, servingReplica } from "./context.ts";
import { decodeContinue, encodeContinue, type ListRange } from "./continue-token.ts";
import { checkKeyLength, keyToJson } from "./key-input.ts";
import { consistencyParameters, rangeParameters, timeoutParameters } from "./parameter-docs.ts";
import type { Query } from "./query.ts";
import { type Answer, type Call, jsonAnswer, type Plan, type Route } from "./route.ts";
import { readStaleness, type Staleness } from "./staleness.ts";

/** The range that `prefix`, or `start` and `end`, name. @throws ApiError */
function readRange(query: Query, context: ApiContext): ListRange {
  const prefix = query.key("prefix");
  const start = query.key("start");
  const end = query.key("end");
  for (const one of [prefix, start, end]) if (one !== null) checkKeyLength(one, context.limits);
  if (prefix !== null) {
    if (start !== null || end !== null) {
      throw new ApiError("INVALID_PARAMETER", "prefix cannot be combined with start or end");
    }
    return { start: prefix, end: prefixEnd(prefix) };
  }
  if (start === null && end === null) {
    throw new ApiError(
      "INVALID_PARAMETER",
      "name a range: prefix= (empty for all), or start and end",
    );
  }
  const range = { start: start ?? new Uint8Array(0), end: end ?? new Uint8Array(0) };
  if (range.end.length > 0 && Buffer.compare(range.start, range.end) >= 0) {
    throw new ApiError("INVALID_KEY", "the range is empty: start must be before end");
  }
  return range;
}

const needRange = (verb: Need["verb"], range: ListRange): readonly Need[] => [
  { verb, ranges: [{ start: range.start, end: range.end }] },
];

function toItem({ key, record }: KeyValue, keysOnly: boolean, context: ApiContext): ListItem {
  const { modRevision, createRevision, version } = record;
  const place = { ...keyToJson(key), modRevision, createRevision, version };
  if (keysOnly) return place;
  let value: Uint8Array;
  try {
    value = context.sealer.open(key, record.value);
  } catch (cause) {
    throw new ApiError("VALUE_UNREADABLE", "a value of the range cannot be decrypted", { cause });
  }
  return {
    ...place,
    value: Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64"),
  };
}

/** A list as it was asked for. */
interface ListCall {
  readonly range: ListRange;
  readonly scan: ScanRequest;
  readonly staleness: Staleness | null;
  readonly counts: boolean;
}

/** The key right after `key`: where a page after it starts. */
const successor = (key: Uint8Array): Uint8Array => {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
};

function pageOf(
  result: Extract<ScanResult, { type: "page" }>,
  list: ListCall,
  context: ApiContext,
): ListPage {
  const last = result.rows.at(-1);
  const more =
    result.more && last !== undefined
      ? encodeContinue({ revision: result.revision, start: successor(last.key) }, list.range)
      : null;
  return {
    revision: result.revision,
    items: result.rows.map((row) => toItem(row, list.scan.keysOnly, context)),
    ...(more === null ? {} : { continue: more }),
    ...(list.counts ? { count: result.count } : {}),
    ...(list.counts && result.count >= context.limits.countMax ? { countTruncated: true } : {}),
  };
}

/** What is applied here at a revision is the same on every node and for good: nobody is asked. */
const isApplied = (revision: Revision | null, replica: ReplicaService): boolean =>
  revision !== null && revision <= replica.status().state.revision;

async function runList(list: ListCall, call: Call, context: ApiContext): Promise<Answer> {
  const replica = servingReplica(context.node);
  const staleHeaders = list.staleness?.headersOf(replica) ?? [];
  if (list.staleness === null && !isApplied(list.scan.revision, replica)) {
    await replica.readBarrier(call.deadlineMs);
  }
  const result = await replica.reader.scan(list.scan);
  if (result.type === "failed") {
    throw commandFailure(result.code, result.revision, result.revision);
  }
  const page = pageOf(result, list, context);
  return jsonAnswer(page, 200, [headers.revision, String(result.revision), ...staleHeaders]);
}

function readPlace(
  query: Query,
  range: ListRange,
): { readonly start: Uint8Array; readonly revision: Revision | null } {
  const token = query.text("continue");
  const revision = query.integer("revision", 1, Number.MAX_SAFE_INTEGER);
  if (token === null) {
    return { start: range.start, revision: revision === null ? null : toRevision(revision) };
  }
  if (revision !== null) {
    throw new ApiError("INVALID_PARAMETER", "revision cannot be combined with continue");
  }
  return decodeContinue(token, range);
}

function planList(call: Call, context: ApiContext): Plan {
  const { query } = call;
  const { limits } = context;
  const range = readRange(query, context);
  const counts = query.flag("count");
  const scan: ScanRequest = {
    ...readPlace(query, range),
    end: range.end,
    limit: query.integer("limit", 1, limits.pageItemsMax) ?? limits.pageItemsDefault,
    bytesMax: limits.pageBytesMax,
    keysOnly: query.flag("keysOnly"),
    countMax: counts ? limits.countMax : 0,
  };
  const list = { range, scan, staleness: readStaleness(query), counts };
  return { needs: needRange("read", range), run: () => runList(list, call, context) };
}

function planDeleteRange(call: Call, context: ApiContext): Plan {
  const range = readRange(call.query, context);
  const keysMax = context.limits.rangeDeleteKeysMax;
  return {
    needs: needRange("write", range),
    run: async () => {
      const replica = servingReplica(context.node);
      const command = { type: "deleteRange", ...range, keysMax } as const;
      const result = await replica.propose(command, call.deadlineMs);
      if (result.type === "failed") {
        throw commandFailure(result.code, result.revision, result.current);
      }
      if (result.type !== "deleted") throw unexpectedResult("deleteRange", result);
      const { revision, count } = result;
      return jsonAnswer({ revision, deleted: count }, 200, [headers.revision, String(revision)]);
    },
  };
}

/** The routes of `/v1/kv`. */
export const rangeRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/kv",
    access: "read",
    body: "none",
    mutates: false,
    query: [
      "prefix",
      "start",
      "end",
      "limit",
      "continue",
      "keysOnly",
      "count",
      "revision",
      "consistency",
      "maxStaleness",
    ],
    doc: {
      summary: "List keys of a range, in pages at one revision",
      parameters: [
        ...rangeParameters,
        { name: "limit", in: "query", description: "Items of the page", type: "integer" },
        {
          name: "continue",
          in: "query",
          description: "As the page before gave it",
          type: "string",
        },
        { name: "keysOnly", in: "query", description: "Leave values out", type: "boolean" },
        { name: "count", in: "query", description: "Count the keys of the range", type: "boolean" },
        ...consistencyParameters,
        ...timeoutParameters,
      ],
      answers: { 200: listPageSchema },
    },
    plan: planList,
  },
  {
    method: "DELETE",
    path: "/v1/kv",
    access: "write",
    body: "none",
    mutates: true,
    query: ["prefix", "start", "end"],
    doc: {
      summary: "Delete all keys of a range, in one revision",
      parameters: [...rangeParameters, ...timeoutParameters],
      answers: { 200: deleteAnswerSchema },
    },
    plan: planDeleteRange,
  },
];
