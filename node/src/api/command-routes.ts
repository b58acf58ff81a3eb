/** Batch and compaction: JSON commands that go through the log. */
import {
  type BatchOperation,
  batchAnswerSchema,
  batchRequestSchema,
  compactAnswerSchema,
  compactRequestSchema,
  headers,
} from "@kvcluster/protocol";
import { type DeleteOperation, type PutOperation, toRevision } from "../kv/index.ts";
import { ApiError } from "./api-error.ts";
import { commandFailure, unexpectedResult } from "./command-result.ts";
import { type ApiContext, servingReplica } from "./context.ts";
import { jsonReader } from "./json-body.ts";
import { checkValue, decodeBase64, keyFromJson } from "./key-input.ts";
import { timeoutParameters } from "./parameter-docs.ts";
import { type Call, jsonAnswer, type Plan, planOf, type Route } from "./route.ts";

const readBatch = jsonReader(batchRequestSchema);
const readCompact = jsonReader(compactRequestSchema);

/** @throws ApiError INVALID_KEY, KEY_TOO_LARGE, INVALID_BODY, VALUE_TOO_LARGE */
function decodeOperation(
  operation: BatchOperation,
  place: number,
  context: ApiContext,
): PutOperation | DeleteOperation {
  const where = `operations[${place}]`;
  const key = keyFromJson(operation, where, context.limits);
  if (operation.type === "delete") return { type: "delete", key };
  const value = decodeBase64(operation.value);
  if (value === null) throw new ApiError("INVALID_BODY", `${where}.value is not base64`);
  return { type: "put", key, value: checkValue(value, context.limits) };
}

function planBatch(call: Call, context: ApiContext): Plan {
  const request = readBatch(call);
  const { batchOperationsMax } = context.limits;
  if (request.operations.length > batchOperationsMax) {
    const found = `${request.operations.length} operations, the limit is ${batchOperationsMax}`;
    throw new ApiError("BATCH_TOO_LARGE", found);
  }
  const plain = request.operations.map((one, place) => decodeOperation(one, place, context));
  return {
    needs: [{ verb: "write", ranges: plain.map(({ key }) => ({ start: key, end: null })) }],
    run: async () => {
      const replica = servingReplica(context.node);
      const operations = plain.map((one) =>
        one.type === "put" ? { ...one, value: context.sealer.seal(one.key, one.value) } : one,
      );
      const result = await replica.propose({ type: "batch", operations }, call.deadlineMs);
      if (result.type === "failed") {
        throw commandFailure(result.code, result.revision, result.current);
      }
      if (result.type !== "batch") throw unexpectedResult("batch", result);
      const { revision, puts, deletes } = result;
      return jsonAnswer({ revision, puts, deletes }, 200, [headers.revision, String(revision)]);
    },
  };
}

function planCompact(call: Call, context: ApiContext): Plan {
  const revision = toRevision(readCompact(call).revision);
  return planOf("admin", async () => {
    const replica = servingReplica(context.node);
    const result = await replica.propose({ type: "compact", revision }, call.deadlineMs);
    if (result.type === "failed") {
      throw commandFailure(result.code, result.revision, result.current);
    }
    if (result.type !== "compacted") throw unexpectedResult("compact", result);
    const { compactRevision } = result;
    return jsonAnswer({ revision: result.revision, compactRevision });
  });
}

/** `/v1/batch` and `/v1/compact`. */
export const commandRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/batch",
    access: "write",
    body: "json",
    mutates: true,
    query: [],
    doc: {
      summary: "Many puts and deletes, all or nothing, in one revision",
      parameters: timeoutParameters,
      requestBody: batchRequestSchema,
      answers: { 200: batchAnswerSchema },
    },
    plan: planBatch,
  },
  {
    method: "POST",
    path: "/v1/compact",
    access: "admin",
    body: "json",
    mutates: true,
    query: [],
    doc: {
      summary: "Forget history before a revision",
      parameters: timeoutParameters,
      requestBody: compactRequestSchema,
      answers: { 200: compactAnswerSchema },
    },
    plan: planCompact,
  },
];
