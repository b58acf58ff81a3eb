import assert from "node:assert/strict";
import { test } from "node:test";
import { errorOfAnswer } from "./kube-error.ts";

test("a pod that two budgets select cannot be evicted, however often it is tried", () => {
  const message =
    "Internal error occurred: This pod has more than one PodDisruptionBudget, which the " +
    "eviction subresource does not support.";
  const body = JSON.stringify({ kind: "Status", reason: "InternalError", message });
  const answer = { asked: "POST /eviction", status: 500, retryAfter: "", isConcealed: false };
  assert.equal(errorOfAnswer({ ...answer, body }).code, "invalid");
  assert.equal(errorOfAnswer({ ...answer, body: "{}" }).code, "unavailable");
});
