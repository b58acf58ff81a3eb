/**
 * Membership changes and leadership transfers, taken on any node and carried out by the leader. A
 * change is answered when this node has applied its entry; a request that no leader took is tried
 * again at each tick until its deadline.
 */
import {
  type Acceptance,
  type Input,
  type LogIndex,
  type NodeId,
  type Rejection,
  toLogIndex,
} from "../raft/index.ts";
import type { AdminOutcome, AdminRequest, PeerMessage } from "./ports.ts";
import { requestKind, toRequestId } from "./request-id.ts";
import { ReplicaError, type ReplicaErrorCode } from "./service.ts";

interface LocalRequest {
  readonly request: AdminRequest;
  /** Concerns this node's own leadership: never forwarded, and done when another node leads. */
  readonly isOwn: boolean;
  readonly deadlineAtMs: number;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: ReplicaError) => void;
  /** Where it is: `waiting` for a leader, `sent`, or `appended` and waiting for its apply. */
  state: { type: "waiting" } | { type: "sent" } | { type: "appended"; index: LogIndex };
}

/** Who gets the core's answer: a request of this node, or another node's. */
type Asker =
  | { readonly type: "local"; readonly requestId: number }
  | { readonly type: "peer"; readonly from: NodeId; readonly requestId: number };

export interface AdminPorts {
  readonly requestsMax: number;
  /** Request ids count from here: the answer to a request of an earlier life must find nobody. */
  readonly origin: number;
  send(to: NodeId, message: PeerMessage): void;
  /** False when what is sent to the peer now is likely to be dropped. */
  reaches(peer: NodeId): boolean;
}

const REPLACED: AdminOutcome = {
  type: "rejected",
  reason: "notLeader",
  detail: "another leader replaced the change",
};

const toInput = (id: number, request: AdminRequest): Input =>
  request.type === "changeMembership"
    ? { type: "changeMembership", id, change: request.change }
    : { type: "transferLeadership", id, target: request.target };

export class AdminRequests {
  readonly #ports: AdminPorts;
  readonly #local = new Map<number, LocalRequest>();
  /** Requests in the core, by request id. */
  readonly #asked = new Map<number, Asker>();
  /** Changes appended by this leader and not yet applied: answered then. */
  #appended: { readonly asker: Asker; readonly acceptance: Acceptance }[] = [];
  #count: number;

  constructor(ports: AdminPorts) {
    this.#ports = ports;
    this.#count = ports.origin;
  }

  add(request: AdminRequest, deadlineAtMs: number): Promise<LogIndex> {
    return this.#add({ request, isOwn: false }, deadlineAtMs);
  }

  /**
   * Hands this node's leadership to whoever can take it. Done as well when another node leads by
   * then: forwarded, the request would take the leadership away from that healthy one.
   */
  handOver(deadlineAtMs: number): Promise<LogIndex> {
    const request: AdminRequest = { type: "transferLeadership", target: null };
    return this.#add({ request, isOwn: true }, deadlineAtMs);
  }

  #add(asked: Pick<LocalRequest, "request" | "isOwn">, deadlineAtMs: number): Promise<LogIndex> {
    if (this.#local.size >= this.#ports.requestsMax) {
      const detail = `${this.#local.size} admin requests are under way on this node`;
      return Promise.reject(new ReplicaError("OVERLOADED", detail));
    }
    return new Promise((resolve, reject) => {
      const state = { type: "waiting" } as const;
      this.#local.set(this.#next(), { ...asked, deadlineAtMs, resolve, reject, state });
    });
  }

  /** Hands waiting requests to whoever leads. The inputs are for the core, when this node leads. */
  route(self: NodeId, leader: NodeId | null): readonly Input[] {
    if (leader === null) return [];
    if (leader !== self) this.#endOwn();
    if (leader !== self && !this.#ports.reaches(leader)) return [];
    const inputs: Input[] = [];
    for (const [requestId, local] of this.#local) {
      if (local.state.type !== "waiting") continue;
      local.state = { type: "sent" };
      if (leader === self) inputs.push(this.#ask({ type: "local", requestId }, local.request));
      else this.#ports.send(leader, { type: "adminRequest", requestId, request: local.request });
    }
    return inputs;
  }

  /** A request that another node forwarded here. */
  receive(from: NodeId, requestId: number, request: AdminRequest): Input {
    return this.#ask({ type: "peer", from, requestId }, request);
  }

  /** The leader's answer to a request that was forwarded. */
  answered(requestId: number, outcome: AdminOutcome, appliedIndex: LogIndex): void {
    const local = this.#local.get(requestId);
    if (local === undefined) return;
    if (outcome.type === "rejected") this.#refuse(requestId, outcome);
    else local.state = { type: "appended", index: outcome.index };
    this.#resolveApplied(appliedIndex);
  }

  accepted(acceptances: readonly Acceptance[]): void {
    for (const acceptance of acceptances) {
      const asker = this.#asked.get(acceptance.id);
      if (asker === undefined) continue;
      this.#asked.delete(acceptance.id);
      this.#appended.push({ asker, acceptance });
    }
  }

  rejected(rejections: readonly Rejection[]): void {
    for (const { id, reason, detail } of rejections) {
      if (requestKind(id) === "admin") this.#settle(id, { type: "rejected", reason, detail });
    }
  }

  /** Transfers that ended well; nothing was appended. @param index what this node has applied */
  transferred(ids: readonly number[], index: LogIndex): void {
    for (const id of ids) this.#settle(id, { type: "done", index });
    if (ids.length > 0) this.#resolveApplied(index);
  }

  /**
   * Answers what is applied. @param survived tells whether the entry at an applied index is the one
   * that was appended, and not another leader's; null when a snapshot has taken its place.
   */
  applied(appliedIndex: LogIndex, survived: (acceptance: Acceptance) => boolean | null): void {
    if (this.#appended.length > 0) this.#answerAppended(appliedIndex, survived);
    this.#resolveApplied(appliedIndex);
  }

  /** Ends what is past its deadline. */
  expire(nowMs: number): void {
    for (const [requestId, local] of this.#local) {
      if (local.deadlineAtMs > nowMs) continue;
      const sent = local.state.type !== "waiting";
      const code = sent ? "OUTCOME_UNKNOWN" : "NO_LEADER";
      this.#fail(requestId, code, `the deadline passed in state ${local.state.type}`);
    }
  }

  abandon(code: ReplicaErrorCode, detail: string): void {
    for (const requestId of this.#local.keys()) this.#fail(requestId, code, detail);
  }

  #answerAppended(appliedIndex: LogIndex, survived: (a: Acceptance) => boolean | null): void {
    const ready = this.#appended.filter(({ acceptance }) => acceptance.index <= appliedIndex);
    this.#appended = this.#appended.filter(({ acceptance }) => acceptance.index > appliedIndex);
    for (const { asker, acceptance } of ready) {
      const isOurs = survived(acceptance);
      if (isOurs === null) this.#leaveInDoubt(asker);
      else if (isOurs) this.#answer(asker, { type: "done", index: acceptance.index });
      else this.#answer(asker, REPLACED);
    }
  }

  /** Requests of this node are answered once it has applied what the leader appended for them. */
  #resolveApplied(appliedIndex: LogIndex): void {
    for (const [requestId, local] of this.#local) {
      if (local.state.type !== "appended" || local.state.index > appliedIndex) continue;
      this.#local.delete(requestId);
      local.resolve(local.state.index);
    }
  }

  /** Nobody can tell whether it took effect; another node's request runs into its deadline. */
  #leaveInDoubt(asker: Asker): void {
    if (asker.type === "peer") return;
    const detail = "a snapshot took the place of the change's entry";
    this.#fail(asker.requestId, "OUTCOME_UNKNOWN", detail);
  }

  /** Another node leads: there is nothing left to hand over. */
  #endOwn(): void {
    for (const [requestId, local] of this.#local) {
      if (!local.isOwn) continue;
      this.#local.delete(requestId);
      local.resolve(toLogIndex(0));
    }
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  #ask(asker: Asker, request: AdminRequest): Input {
    const id = toRequestId("admin", this.#next());
    this.#asked.set(id, asker);
    return toInput(id, request);
  }

  #settle(id: number, outcome: AdminOutcome): void {
    const asker = this.#asked.get(id);
    if (asker === undefined) return;
    this.#asked.delete(id);
    this.#answer(asker, outcome);
  }

  #answer(asker: Asker, outcome: AdminOutcome): void {
    const { requestId } = asker;
    if (asker.type === "peer") {
      this.#ports.send(asker.from, { type: "adminResponse", requestId, outcome });
      return;
    }
    const local = this.#local.get(requestId);
    if (local === undefined) return;
    if (outcome.type === "rejected") this.#refuse(requestId, outcome);
    else local.state = { type: "appended", index: outcome.index };
  }

  #refuse(requestId: number, outcome: Extract<AdminOutcome, { type: "rejected" }>): void {
    const local = this.#local.get(requestId);
    if (local === undefined) return;
    if (outcome.reason === "notLeader" || outcome.reason === "leaderNotReady") {
      local.state = { type: "waiting" };
      return;
    }
    this.#local.delete(requestId);
    local.reject(new ReplicaError("CHANGE_REJECTED", outcome.detail, outcome.reason));
  }

  #fail(requestId: number, code: ReplicaErrorCode, detail: string): void {
    const local = this.#local.get(requestId);
    if (local === undefined) return;
    this.#local.delete(requestId);
    local.reject(new ReplicaError(code, detail));
  }
}
