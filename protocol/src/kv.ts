/** Requests and answers of the key-value routes. Values are base64 (RFC 4648 §4, padded). */
import Type from "typebox";
import type { JsonKey } from "./keys.ts";
import { type JsonSchema, schemaOf } from "./schema.ts";

const keyFields = {
  key: Type.Optional(Type.String({ description: "The key, when it is UTF-8" })),
  keyBase64: Type.Optional(Type.String({ description: "The key in base64, when it is not UTF-8" })),
};
const revisionField = Type.Integer({ minimum: 0, description: "The store's revision" });
const base64Field = Type.String({ description: "The value in base64" });

/** Answer to `PUT /v1/kv/{key}`. */
export interface PutAnswer {
  /** Revision of this change; also the key's new ETag. */
  readonly revision: number;
  /** The key did not exist before. */
  readonly created: boolean;
}
export const putAnswerSchema: JsonSchema<PutAnswer> = schemaOf<PutAnswer>()(
  Type.Object(
    {
      revision: revisionField,
      created: Type.Boolean({ description: "The key did not exist before" }),
    },
    { title: "PutAnswer" },
  ),
);

/** Answer to `DELETE /v1/kv/{key}` and to `DELETE /v1/kv?prefix=`. */
export interface DeleteAnswer {
  readonly revision: number;
  /** Keys deleted. */
  readonly deleted: number;
}
export const deleteAnswerSchema: JsonSchema<DeleteAnswer> = schemaOf<DeleteAnswer>()(
  Type.Object(
    {
      revision: revisionField,
      deleted: Type.Integer({ minimum: 0, description: "Keys deleted" }),
    },
    { title: "DeleteAnswer" },
  ),
);

/** One key of a list page. */
export interface ListItem extends JsonKey {
  /** Base64; absent with `keysOnly`. */
  readonly value?: string;
  readonly modRevision: number;
  readonly createRevision: number;
  /** Changes since it came into being, from 1. */
  readonly version: number;
}
export const listItemSchema: JsonSchema<ListItem> = schemaOf<ListItem>()(
  Type.Object(
    {
      ...keyFields,
      value: Type.Optional(base64Field),
      modRevision: Type.Integer({ description: "Revision of the last change" }),
      createRevision: Type.Integer({ description: "Revision at which it came into being" }),
      version: Type.Integer({ description: "Changes since it came into being, from 1" }),
    },
    { title: "ListItem" },
  ),
);

/** Answer to `GET /v1/kv?prefix=` or `?start=&end=`: one page at one revision, in key order. */
export interface ListPage {
  /** Every page of one list has the same revision. */
  readonly revision: number;
  readonly items: readonly ListItem[];
  /** Send it back as `continue` for the next page; absent on the last. */
  readonly continue?: string;
  /** With `count=true`: keys in the range, from the start of this page on. */
  readonly count?: number;
  /** Present and true when there are more keys than were counted. */
  readonly countTruncated?: boolean;
}
export const listPageSchema: JsonSchema<ListPage> = schemaOf<ListPage>()(
  Type.Object(
    {
      revision: revisionField,
      items: Type.Array(listItemSchema),
      continue: Type.Optional(
        Type.String({ description: "Opaque; send it back for the next page. Absent on the last" }),
      ),
      count: Type.Optional(
        Type.Integer({ description: "With count=true: keys from the start of this page on" }),
      ),
      countTruncated: Type.Optional(
        Type.Boolean({ description: "There are more keys than were counted" }),
      ),
    },
    { title: "ListPage" },
  ),
);

/** One operation of a batch. */
export type BatchOperation =
  | (JsonKey & { readonly type: "put"; readonly value: string })
  | (JsonKey & { readonly type: "delete" });

/** Body of `POST /v1/batch`: all or nothing, one revision; each key at most once. */
export interface BatchRequest {
  readonly operations: readonly BatchOperation[];
}
export const batchRequestSchema: JsonSchema<BatchRequest> = schemaOf<BatchRequest>()(
  Type.Object(
    {
      operations: Type.Array(
        Type.Union([
          Type.Object(
            { type: Type.Literal("put"), ...keyFields, value: base64Field },
            { additionalProperties: false },
          ),
          Type.Object(
            { type: Type.Literal("delete"), ...keyFields },
            { additionalProperties: false },
          ),
        ]),
        { minItems: 1, description: "Each key at most once" },
      ),
    },
    { title: "BatchRequest", additionalProperties: false },
  ),
);

/** Answer to `POST /v1/batch`. */
export interface BatchAnswer {
  readonly revision: number;
  readonly puts: number;
  /** Deletes that found their key. */
  readonly deletes: number;
}
export const batchAnswerSchema: JsonSchema<BatchAnswer> = schemaOf<BatchAnswer>()(
  Type.Object(
    {
      revision: revisionField,
      puts: Type.Integer({ minimum: 0 }),
      deletes: Type.Integer({ minimum: 0, description: "Deletes that found their key" }),
    },
    { title: "BatchAnswer" },
  ),
);

/** Body of `POST /v1/compact`: forget history before `revision`. */
export interface CompactRequest {
  readonly revision: number;
}
export const compactRequestSchema: JsonSchema<CompactRequest> = schemaOf<CompactRequest>()(
  Type.Object(
    {
      revision: Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Reads before it answer 410 afterwards",
      }),
    },
    { title: "CompactRequest", additionalProperties: false },
  ),
);

/** Answer to `POST /v1/compact`. */
export interface CompactAnswer {
  readonly revision: number;
  readonly compactRevision: number;
}
export const compactAnswerSchema: JsonSchema<CompactAnswer> = schemaOf<CompactAnswer>()(
  Type.Object(
    {
      revision: revisionField,
      compactRevision: Type.Integer({ description: "The oldest revision that can be read" }),
    },
    { title: "CompactAnswer" },
  ),
);
