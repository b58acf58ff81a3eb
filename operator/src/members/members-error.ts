/** The one error of this folder: what was asked of which node, and a stable code. */
import { KVClientError } from "@kvcluster/client";

/** Codes that no node and no client gives. */
export type MembersErrorCode =
  /** The pod that an action names has no address. */
  | "NO_ADDRESS"
  /** Nodes do not agree who the members are, or too few of them answer. */
  | "UNPROVEN"
  /** A leader was asked to hand over before, and leads all the same. */
  | "LEADER_UNCHANGED"
  /** The nodes belong to another cluster than the resource says. */
  | "FOREIGN_CLUSTER";

export class MembersError extends Error {
  override readonly name: string = "MembersError";
  /** A code of the nodes' error table, of the client, or of this folder. */
  readonly code: MembersErrorCode | KVClientError["code"];

  constructor(code: MembersError["code"], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** What the client threw, with the leader's reason, and without figures that change each time. */
export function toMembersError(attempted: string, error: unknown): MembersError {
  if (error instanceof MembersError) return error;
  if (!(error instanceof KVClientError)) {
    const message = error instanceof Error ? error.message : String(error);
    return new MembersError("INTERNAL", `${attempted}: ${message}`, { cause: error });
  }
  const reason = error.problem?.reason;
  const why = reason === undefined ? error.message : `${error.code} ${reason}`;
  return new MembersError(error.code, `${attempted}: ${why}`, { cause: error });
}
