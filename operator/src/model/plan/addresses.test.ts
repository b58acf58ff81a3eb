import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeView, Observed } from "../observed.ts";
import { addresses } from "./addresses.ts";
import { factsOf } from "./facts.ts";
import { observe } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

/** As after a move from another namespace: members 1 and 2 have addresses of before. */
function moved(observed: Observed): Observed {
  const nodes = observed.nodes.map((node): NodeView => {
    if (node.type !== "answered" || node.status === null) return node;
    const members = node.status.members.map((member) =>
      member.name === "demo-0"
        ? member
        : { ...member, peerAddress: `${member.name}.demo-peers.elsewhere.svc:5100` },
    );
    return { ...node, status: { ...node.status, members } };
  });
  return { ...observed, nodes };
}

test("members at other addresses are moved, one a pass", () => {
  const result = addresses(factsOf(moved(observe({}))));
  assert.ok(result?.type === "act");
  assert.deepEqual(result.actions, [{ type: "updateAddresses", member: "demo-1", nodeId: 11 }]);
  assert.equal(
    result.message,
    "demo-1 (node 11) moves from demo-1.demo-peers.elsewhere.svc:5100 to " +
      "demo-1.demo-peers.test.svc:5100",
  );
});

test("nothing is moved without a leader, or where everything is right", () => {
  assert.equal(addresses(factsOf(moved(observe({ leader: null })))), null);
  assert.equal(answer(addresses, {}), null);
});
