import assert from "node:assert/strict";
import { test } from "node:test";
import { fillDefaults } from "./defaults.ts";
import type { JsonObject } from "./json.ts";
import { rootStructure } from "./schema.ts";

const schema: JsonObject = {
  type: "object",
  properties: {
    plain: { type: "string" },
    size: { type: "string", default: "1Gi" },
    nested: {
      type: "object",
      default: { on: true },
      properties: { on: { type: "boolean", default: true }, n: { type: "integer", default: 1 } },
    },
    items: {
      type: "array",
      items: { type: "object", properties: { verb: { type: "string", default: "read" } } },
    },
    map: {
      type: "object",
      additionalProperties: { type: "object", properties: { a: { type: "integer", default: 0 } } },
    },
  },
};

test("absent fields get their default, and that default is filled in as well", () => {
  assert.deepEqual(fillDefaults(schema, {}), { size: "1Gi", nested: { on: true, n: 1 } });
});

test("what is given stays, false, empty and zero too", () => {
  const given = { plain: "", size: "", nested: { on: false, n: 0 }, items: [], map: {} };
  assert.deepEqual(fillDefaults(schema, given), given);
});

test("defaults reach into lists and maps", () => {
  const filled = fillDefaults(schema, { items: [{}, { verb: "write" }], map: { x: {} } });
  assert.deepEqual(filled, {
    items: [{ verb: "read" }, { verb: "write" }],
    map: { x: { a: 0 } },
    size: "1Gi",
    nested: { on: true, n: 1 },
  });
});

test("null counts as absent only where a default stands", () => {
  const filled = fillDefaults(schema, { size: null, plain: null, nested: { n: null } });
  assert.deepEqual(filled, { size: "1Gi", plain: null, nested: { on: true, n: 1 } });
});

test("fields that the schema does not know are kept", () => {
  const given = { constructor: { a: 1 }, other: [1], size: "2Gi", nested: { on: true, n: 1 } };
  assert.deepEqual(fillDefaults(schema, given), given);
});

test("filling twice is filling once, and the given value is left alone", () => {
  const given = Object.freeze({ spec: Object.freeze({}) });
  const once = fillDefaults(rootStructure, given);
  assert.deepEqual(fillDefaults(rootStructure, once), once);
  assert.deepEqual(given, { spec: {} });
});
