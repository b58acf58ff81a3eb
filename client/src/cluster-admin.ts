/**
 * Bootstrap, membership and leadership. Every call here is a write: repeated only when it certainly
 * had no effect. Bootstrap and join concern one node, so use a client of that one endpoint.
 */
import type {
  AddMemberAnswer,
  AddMemberBody,
  ChangeAnswer,
  JoinBody,
  LeaderAnswer,
  MemberAddressesBody,
  NodeIdentity,
} from "@kvcluster/protocol";
import {
  decodeAddMember,
  decodeChange,
  decodeIdentity,
  decodeLeader,
} from "./http/decode-documents.ts";
import type { HttpAnswer } from "./http/exchange.ts";
import type { CallOptions } from "./options.ts";
import type { Requester } from "./requester.ts";
import { jsonBody, jsonHeaders } from "./requests.ts";

/** A member's id, or its name. */
export type MemberRef = number | string;

const memberPath = (member: MemberRef): string =>
  `/v1/cluster/members/${encodeURIComponent(String(member))}`;

export class ClusterAdmin {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Makes a cluster of one of a blank node. @throws ALREADY_BOOTSTRAPPED */
  async bootstrap(options: CallOptions = {}): Promise<NodeIdentity> {
    return decodeIdentity(await this.#post("/v1/cluster/bootstrap", null, options));
  }

  /** Gives a blank node the identity that adding it answered. @throws ALREADY_BOOTSTRAPPED */
  async join(body: JoinBody, options: CallOptions = {}): Promise<NodeIdentity> {
    return decodeIdentity(await this.#post("/v1/cluster/join", body, options));
  }

  /** Admits a node as a learner; it becomes a voter by itself once it has caught up. */
  async addMember(member: AddMemberBody, options: CallOptions = {}): Promise<AddMemberAnswer> {
    return decodeAddMember(await this.#post("/v1/cluster/members", member, options));
  }

  /** Makes a learner a voter now. @throws CHANGE_REJECTED while it lags */
  async promote(member: MemberRef, options: CallOptions = {}): Promise<ChangeAnswer> {
    return decodeChange(await this.#post(`${memberPath(member)}/promote`, null, options));
  }

  /** Makes a voter a learner. */
  async demote(member: MemberRef, options: CallOptions = {}): Promise<ChangeAnswer> {
    return decodeChange(await this.#post(`${memberPath(member)}/demote`, null, options));
  }

  async removeMember(member: MemberRef, options: CallOptions = {}): Promise<ChangeAnswer> {
    const call = { kind: "write", method: "DELETE", path: memberPath(member) } as const;
    return decodeChange(await this.#requester.send(call, options));
  }

  async updateMember(
    member: MemberRef,
    addresses: MemberAddressesBody & CallOptions,
  ): Promise<ChangeAnswer> {
    const { signal, timeoutMs, ...body } = addresses;
    const options = {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
    return decodeChange(await this.#send("PATCH", { path: memberPath(member), body }, options));
  }

  /** Hands leadership to a voter; null: to the best one. */
  async transferLeader(target: MemberRef | null, options: CallOptions = {}): Promise<LeaderAnswer> {
    const body = target === null ? {} : { target };
    return decodeLeader(await this.#post("/v1/cluster/leader", body, options));
  }

  /** The answering node hands leadership over and is not ready from then on. */
  async drain(options: CallOptions = {}): Promise<LeaderAnswer> {
    return decodeLeader(await this.#post("/v1/cluster/drain", null, options));
  }

  #post(path: string, body: unknown, options: CallOptions): Promise<HttpAnswer> {
    return this.#send("POST", { path, body }, options);
  }

  #send(
    method: "POST" | "PATCH",
    request: { readonly path: string; readonly body: unknown },
    options: CallOptions,
  ): Promise<HttpAnswer> {
    const { path, body } = request;
    const content =
      body === null ? { headers: {}, body: null } : { headers: jsonHeaders, body: jsonBody(body) };
    return this.#requester.send({ kind: "write", method, path, ...content }, options);
  }
}
