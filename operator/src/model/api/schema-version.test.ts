import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Json } from "./json.ts";
import { rootStructure } from "./schema.ts";
import { judgeSchemaVersion, schemaVersion, schemaVersionAnnotation } from "./schema-version.ts";

const judge = (version: string): string | undefined =>
  judgeSchemaVersion({ [schemaVersionAnnotation]: version })?.code;

test("a CRD of the same or a newer version is good enough", () => {
  assert.equal(judge(String(schemaVersion)), undefined);
  assert.equal(judge(String(schemaVersion + 1)), undefined);
  assert.equal(judge("999999999"), undefined);
});

test("an older CRD is refused, with what to do", () => {
  const fault = judgeSchemaVersion({ [schemaVersionAnnotation]: "9" }, 10);
  assert.equal(fault?.code, "CRD_OLD");
  assert.match(fault?.message ?? "", /has schema version 9, .* needs 10 or more: apply the CRD/);
  assert.equal(judgeSchemaVersion({ [schemaVersionAnnotation]: "10" }, 9), null);
});

test("a CRD without a version is refused", () => {
  assert.equal(judge("0"), "CRD_UNVERSIONED");
  for (const version of ["", "one", "1.5", "-1", "1 ", "01"]) {
    assert.equal(judge(version), "CRD_UNVERSIONED", version);
  }
  assert.equal(judgeSchemaVersion(undefined)?.code, "CRD_UNVERSIONED");
  assert.equal(judgeSchemaVersion({})?.code, "CRD_UNVERSIONED");
  assert.match(judgeSchemaVersion({})?.message ?? "", /has no annotation .* apply the CRD/);
});

/** The schema but for what people read. */
const withoutWords = (schema: Json): string =>
  JSON.stringify(schema, (key, value) =>
    ["description", "message"].includes(key) && typeof value === "string" ? undefined : value,
  );

test("a changed schema has a new version", () => {
  const digest = createHash("sha256")
    .update(withoutWords(rootStructure))
    .digest("hex")
    .slice(0, 16);
  const told =
    "The schema changed. If a release has had the former one, raise schemaVersion in " +
    "schema-version.ts; then put the new pair here, so that operators refuse the older CRD.";
  assert.deepEqual([schemaVersion, digest], [1, "02ef8027d27bec74"], told);
});
