import assert from "node:assert/strict";
import { test } from "node:test";
import type { Acceptance } from "../raft/index.ts";
import { AdminRequests } from "./admin-requests.ts";
import type { AdminRequest, PeerMessage } from "./ports.ts";
import { at, endOf, node, term } from "./replica.test-kit.ts";

const remove: AdminRequest = {
  type: "changeMembership",
  change: { type: "remove", nodeId: node(9) },
};
const transfer: AdminRequest = { type: "transferLeadership", target: null };
const SELF = node(1);
const LEADER = node(2);

const createRequests = (options: { origin?: number; isReached?: boolean } = {}) => {
  const sent: { to: number; message: PeerMessage }[] = [];
  const requests = new AdminRequests({
    requestsMax: 2,
    origin: options.origin ?? 0,
    send: (to, message) => sent.push({ to, message }),
    reaches: () => options.isReached ?? true,
  });
  return { requests, sent };
};

/** Adds a request on the leader and has the core append it at `index`. */
const appendOnLeader = (requests: AdminRequests, index: number): Promise<unknown> => {
  const promise = requests.add(remove, 1000);
  const [input] = requests.route(SELF, SELF);
  assert.equal(input?.type, "changeMembership");
  const id = input.type === "changeMembership" ? input.id : -1;
  requests.accepted([{ id, index: at(index), term: term(3) }]);
  return promise;
};

test("a change on the leader is answered when its entry is applied", async () => {
  const { requests } = createRequests();
  const promise = appendOnLeader(requests, 7);
  requests.applied(at(6), () => true);
  assert.equal(await endOf(promise), "pending");
  requests.applied(at(7), () => true);
  assert.equal(await endOf(promise), 7);
});

test("a change whose entry another leader replaced is tried again", async () => {
  const { requests } = createRequests();
  const promise = appendOnLeader(requests, 7);
  requests.applied(at(8), () => false);
  assert.equal(await endOf(promise), "pending");
  assert.equal(requests.route(SELF, SELF).length, 1);
});

test("a change whose entry went into a snapshot is in doubt, never tried again", async () => {
  const { requests } = createRequests();
  const promise = appendOnLeader(requests, 7);
  requests.applied(at(50), () => null);
  assert.equal(await endOf(promise), "OUTCOME_UNKNOWN");
  assert.deepEqual(requests.route(SELF, SELF), []);
});

test("an answer for another request does not vouch for an entry of ours", async () => {
  const { requests } = createRequests();
  const promise = appendOnLeader(requests, 7);
  requests.answered(12345, { type: "done", index: at(50) }, at(50));
  assert.equal(await endOf(promise), "pending");
});

test("a request goes to the leader once and is answered when it is applied here", async () => {
  const { requests, sent } = createRequests();
  const promise = requests.add(remove, 1000);
  assert.deepEqual(requests.route(SELF, null), []);
  assert.deepEqual(requests.route(SELF, LEADER), []);
  requests.route(SELF, LEADER);
  assert.equal(sent.length, 1);
  const message = sent[0]?.message;
  assert.ok(message?.type === "adminRequest");
  requests.answered(message.requestId, { type: "done", index: at(5) }, at(4));
  assert.equal(await endOf(promise), "pending");
  requests.applied(at(5), () => true);
  assert.equal(await endOf(promise), 5);
});

test("nothing is routed to a leader that cannot be reached", () => {
  const { requests, sent } = createRequests({ isReached: false });
  requests.add(remove, 1000).catch(assert.fail);
  requests.route(SELF, LEADER);
  assert.deepEqual(sent, []);
});

test("a refusal is told with its reason, unless another leader may not repeat it", async () => {
  const { requests, sent } = createRequests();
  const promise = requests.add(remove, 1000);
  const refuse = (reason: "notLeader" | "changePending"): void => {
    requests.route(SELF, LEADER);
    const message = sent.at(-1)?.message;
    assert.ok(message?.type === "adminRequest");
    requests.answered(message.requestId, { type: "rejected", reason, detail: "test" }, at(0));
  };
  refuse("notLeader");
  assert.equal(await endOf(promise), "pending");
  refuse("changePending");
  assert.equal(await endOf(promise), "CHANGE_REJECTED");
  assert.equal(sent.length, 2);
});

test("another node's request is answered over the wire when it is applied", () => {
  const { requests, sent } = createRequests();
  const input = requests.receive(node(3), 77, remove);
  assert.ok(input.type === "changeMembership");
  const acceptance: Acceptance = { id: input.id, index: at(4), term: term(1) };
  requests.accepted([acceptance]);
  assert.deepEqual(sent, []);
  requests.applied(at(4), () => true);
  const outcome = { type: "done", index: at(4) };
  assert.deepEqual(sent, [{ to: 3, message: { type: "adminResponse", requestId: 77, outcome } }]);
});

test("a transfer ends when another leader is known", async () => {
  const { requests } = createRequests();
  const promise = requests.add(transfer, 1000);
  const [input] = requests.route(SELF, SELF);
  assert.ok(input?.type === "transferLeadership");
  requests.transferred([input.id], at(3));
  assert.equal(await endOf(promise), 3);
});

test("an answer to an earlier life of this node finds nobody", async () => {
  const before = createRequests({ origin: 1000 });
  before.requests.add(remove, 1000).catch(assert.fail);
  before.requests.route(SELF, LEADER);
  const old = before.sent[0]?.message;
  assert.ok(old?.type === "adminRequest");
  const { requests } = createRequests({ origin: 2000 });
  const promise = requests.add(transfer, 1000);
  requests.route(SELF, LEADER);
  requests.answered(old.requestId, { type: "done", index: at(1) }, at(1));
  assert.equal(await endOf(promise), "pending");
});

test("limits, deadlines and an end are told", async () => {
  const { requests } = createRequests();
  const waiting = requests.add(remove, 10);
  const sentOne = requests.add(remove, 10);
  assert.equal(await endOf(requests.add(remove, 10)), "OVERLOADED");
  requests.expire(9);
  assert.equal(await endOf(waiting), "pending");
  requests.route(SELF, LEADER);
  requests.expire(10);
  assert.equal(await endOf(sentOne), "OUTCOME_UNKNOWN");
  const last = requests.add(remove, 20);
  requests.expire(20);
  assert.equal(await endOf(last), "NO_LEADER");
  const ended = requests.add(remove, 30);
  requests.abandon("SHUTTING_DOWN", "test");
  assert.equal(await endOf(ended), "SHUTTING_DOWN");
});
