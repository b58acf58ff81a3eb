import assert from "node:assert/strict";
import { test } from "node:test";
import { describePlace, placesOf } from "./places.ts";
import { observe } from "./scene.test-kit.ts";
import { storeViewsOf } from "./store-views.ts";

function described(reason: string): string {
  const seen = observe({ podChanges: { 1: { isReady: false } } });
  const nodes = seen.nodes.map((node) =>
    node.type === "answered" && node.pod === "demo-1"
      ? { ...node, isReady: false, reasons: [reason] }
      : node,
  );
  const [, place] = placesOf({ ...seen, nodes }, storeViewsOf(seen));
  assert.ok(place !== undefined);
  return describePlace(place);
}

test("why a node is not ready reads the same at each look, whatever figures the node tells", () => {
  assert.equal(
    described("this learner is 4711 entries behind"),
    described("this learner is 12 entries behind"),
  );
  assert.equal(
    described("the last linearizable read succeeded 3100 ms ago"),
    "demo-1 is not ready: the last linearizable read succeeded N ms ago",
  );
  assert.match(described("GET /v1/cluster: TIMEOUT"), /GET \/v1\/cluster: TIMEOUT$/);
});
