/** What each answer of the API becomes in the client. An answer in another form is BAD_ANSWER. */
import {
  type AddMemberAnswer,
  addMemberAnswerSchema,
  type BatchAnswer,
  batchAnswerSchema,
  type ChangeAnswer,
  type ClusterStatus,
  type CompactAnswer,
  changeAnswerSchema,
  clusterStatusSchema,
  compactAnswerSchema,
  type DeleteAnswer,
  deleteAnswerSchema,
  headers,
  type JsonSchema,
  type LeaderAnswer,
  type ListItem,
  leaderAnswerSchema,
  listPageSchema,
  type MemberList,
  memberListSchema,
  type NodeIdentity,
  type NodeStatus,
  nodeIdentitySchema,
  nodeStatusSchema,
  type PutAnswer,
  parseEtag,
  putAnswerSchema,
  type Readiness,
  readinessSchema,
  type StateHash,
  stateHashSchema,
} from "@kvcluster/protocol";
import { Entry, fromBase64, toBytes } from "../entries.ts";
import { KVClientError, UnknownOutcomeError } from "../errors.ts";
import { decodeNumberHeader, decodeProblem, decoderOf } from "./decode-answer.ts";
import type { HttpAnswer } from "./exchange.ts";

/** One page of a list. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  readonly revision: number;
  /** null on the last page. */
  readonly continue: string | null;
  /** null unless it was asked for. */
  readonly count: number | null;
  readonly countTruncated: boolean;
}

type Decode<T> = (answer: HttpAnswer) => T;

function documentOf<T>(schema: JsonSchema<T>, title: string): Decode<T> {
  const decode = decoderOf(schema);
  return (answer) => {
    const document = decode(answer.body);
    if (document !== null) return document;
    throw badAnswer(answer, `not a ${title}`);
  };
}

/** A write that was answered, but not in a way that proves anything, may have taken effect. */
function outcomeOf<T>(schema: JsonSchema<T>, title: string): Decode<T> {
  const decode = decoderOf(schema);
  return (answer) => {
    const document = decode(answer.body);
    if (document !== null) return document;
    const { message, status } = badAnswer(answer, `not a ${title}`);
    throw new UnknownOutcomeError({ message, status });
  };
}

function badAnswer(answer: HttpAnswer, why: string): KVClientError {
  return new KVClientError("BAD_ANSWER", {
    message: `the answer with status ${answer.status} is ${why}`,
    status: answer.status,
  });
}

export const decodePut: Decode<PutAnswer> = outcomeOf(putAnswerSchema, "PutAnswer");
export const decodeBatch: Decode<BatchAnswer> = outcomeOf(batchAnswerSchema, "BatchAnswer");
export const decodeCompact: Decode<CompactAnswer> = outcomeOf(compactAnswerSchema, "CompactAnswer");
export const decodeCluster: Decode<ClusterStatus> = documentOf(
  clusterStatusSchema,
  "ClusterStatus",
);
export const decodeMembers: Decode<MemberList> = documentOf(memberListSchema, "MemberList");
export const decodeStatus: Decode<NodeStatus> = documentOf(nodeStatusSchema, "NodeStatus");
export const decodeHash: Decode<StateHash> = documentOf(stateHashSchema, "StateHash");
export const decodeReadinessAnswer: Decode<Readiness> = documentOf(readinessSchema, "Readiness");
export const decodeIdentity: Decode<NodeIdentity> = outcomeOf(nodeIdentitySchema, "NodeIdentity");
export const decodeAddMember: Decode<AddMemberAnswer> = outcomeOf(
  addMemberAnswerSchema,
  "AddMemberAnswer",
);
export const decodeChange: Decode<ChangeAnswer> = outcomeOf(changeAnswerSchema, "ChangeAnswer");
export const decodeLeader: Decode<LeaderAnswer> = outcomeOf(leaderAnswerSchema, "LeaderAnswer");

const decodeDeleteDocument: Decode<DeleteAnswer> = outcomeOf(deleteAnswerSchema, "DeleteAnswer");
const decodePageDocument = documentOf(listPageSchema, "ListPage");

/** A 404 says that there was nothing to delete; any other problem on that status is an error. */
export function decodeDelete(answer: HttpAnswer): DeleteAnswer {
  if (answer.status !== 404) return decodeDeleteDocument(answer);
  assertKeyNotFound(answer);
  return { revision: decodeNumberHeader(answer, headers.revision) ?? 0, deleted: 0 };
}

export function decodeEntry(key: Uint8Array, answer: HttpAnswer): Entry | null {
  if (answer.status === 404) {
    assertKeyNotFound(answer);
    return null;
  }
  const modRevision = parseEtag(String(answer.headers["etag"] ?? ""));
  const createRevision = decodeNumberHeader(answer, headers.createRevision);
  const version = decodeNumberHeader(answer, headers.version);
  if (modRevision === null || createRevision === null || version === null) {
    throw badAnswer(answer, "without the headers of a key");
  }
  return new Entry({ key, value: answer.body, modRevision, createRevision, version });
}

function assertKeyNotFound(answer: HttpAnswer): void {
  const problem = decodeProblem(answer);
  if (problem?.code === "KEY_NOT_FOUND") return;
  throw new KVClientError(problem?.code ?? "BAD_ANSWER", {
    message: problem?.detail ?? "404 without a problem document",
    status: 404,
    problem,
  });
}

export function decodePage(answer: HttpAnswer): EntryPage {
  const page = decodePageDocument(answer);
  return {
    entries: page.items.map((item) => toEntry(answer, item)),
    revision: page.revision,
    continue: page.continue ?? null,
    count: page.count ?? null,
    countTruncated: page.countTruncated ?? false,
  };
}

function toEntry(answer: HttpAnswer, item: ListItem): Entry {
  const { key, keyBase64, value, modRevision, createRevision, version } = item;
  if (key === undefined && keyBase64 === undefined) throw badAnswer(answer, "a list without keys");
  return new Entry({
    key: keyBase64 === undefined ? toBytes(key ?? "") : fromBase64(keyBase64),
    value: fromBase64(value ?? ""),
    modRevision,
    createRevision,
    version,
  });
}
