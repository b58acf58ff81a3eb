import assert from "node:assert/strict";
import { test } from "node:test";
import { requestKind, toRequestId } from "./request-id.ts";

test("a request id tells its kind, up to a count of 48 bits", () => {
  for (const kind of ["proposal", "read", "admin"] as const) {
    for (const count of [0, 1, 2 ** 32, 2 ** 48 - 1]) {
      const id = toRequestId(kind, count);
      assert.ok(Number.isSafeInteger(id));
      assert.equal(requestKind(id), kind);
    }
  }
});

test("what is no request id is refused", () => {
  assert.throws(() => requestKind(1.5), RangeError);
});
