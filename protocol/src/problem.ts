/** The problem document (RFC 9457) that every error answer of the HTTP API carries. */
import Type from "typebox";
import { type JsonSchema, schemaOf } from "./schema.ts";

/** Content type of a problem document. */
export const problemMediaType = "application/problem+json";

/** An error answer. */
export interface Problem {
  /** URI of the code's documentation. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What was attempted, with its values; never a stored value or a secret. */
  readonly detail: string;
  /** A code of the error table (`ErrorCode`); a newer server may know more. */
  readonly code: string;
  /** The identical request had no effect and may be sent again. */
  readonly retryable: boolean;
  /** Present when a write may or may not have taken effect. */
  readonly outcome?: "unknown";
  /** CHANGE_REJECTED: the leader's reason, for example `changePending`. */
  readonly reason?: string;
  /** CONDITION_FAILED: the key's modRevision now, 0 when absent. Revision errors: the limit. */
  readonly revision?: number;
  /** The request's id, also in the X-Request-Id header and in the node's log. */
  readonly requestId: string;
}

export const problemSchema: JsonSchema<Problem> = schemaOf<Problem>()(
  Type.Object(
    {
      type: Type.String({ description: "URI of the code's documentation" }),
      title: Type.String({ description: "Summary of the code" }),
      status: Type.Integer({ description: "HTTP status" }),
      detail: Type.String({ description: "What was attempted, with its values" }),
      code: Type.String({ description: "Stable code of the error table" }),
      retryable: Type.Boolean({
        description: "The identical request had no effect and may be sent again",
      }),
      outcome: Type.Optional(
        Type.Literal("unknown", { description: "The write may or may not have taken effect" }),
      ),
      reason: Type.Optional(Type.String({ description: "CHANGE_REJECTED: the leader's reason" })),
      revision: Type.Optional(
        Type.Integer({ description: "CONDITION_FAILED: modRevision of the key, 0 when absent" }),
      ),
      requestId: Type.String({ description: "As in X-Request-Id and the node's log" }),
    },
    { title: "Problem" },
  ),
);
