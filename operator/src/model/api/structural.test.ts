import assert from "node:assert/strict";
import { test } from "node:test";
import Type from "typebox";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { rootStructure } from "./schema.ts";
import { structuralSchema } from "./structural.ts";

test("optional fields and fields with a default are not required", () => {
  const schema = structuralSchema(
    Type.Object({
      a: Type.String(),
      b: Type.Optional(Type.String()),
      c: Type.Integer({ default: 1 }),
    }),
  );
  assert.deepEqual(schema["required"], ["a"]);
});

test("literals become an enum, records additional properties, integers get a width", () => {
  const schema = structuralSchema(
    Type.Object({
      word: Type.Union([Type.Literal("x"), Type.Literal("y")], { default: "x" }),
      map: Type.Record(Type.String(), Type.Array(Type.String())),
      small: Type.Integer({ maximum: 9 }),
      large: Type.Integer(),
    }),
  );
  assert.deepEqual(schema["properties"], {
    word: { type: "string", enum: ["x", "y"], default: "x" },
    map: { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
    small: { type: "integer", format: "int32", maximum: 9 },
    large: { type: "integer", format: "int64" },
  });
});

test("an object that may be left out gets its fields' defaults as its own", () => {
  const inner = Type.Object({
    size: Type.String({ default: "1Gi" }),
    name: Type.Optional(Type.String()),
  });
  const needy = Type.Object({ size: Type.String() });
  const schema = structuralSchema(
    Type.Object({ inner, middle: Type.Object({ inner }), needy, maybe: Type.Optional(inner) }),
  );
  const properties: Json | undefined = schema["properties"];
  const defaultOf = (name: string): Json | undefined => {
    const property = isJsonObject(properties) ? properties[name] : undefined;
    return isJsonObject(property) ? property["default"] : undefined;
  };
  assert.deepEqual(defaultOf("inner"), { size: "1Gi" });
  assert.deepEqual(defaultOf("middle"), { inner: { size: "1Gi" } });
  assert.equal(defaultOf("needy"), undefined);
  assert.equal(defaultOf("maybe"), undefined);
  assert.deepEqual(schema["required"], ["needy"]);
});

test("a keyword that CRDs lack is a mistake, not dropped", () => {
  const schema = Type.Object({ list: Type.Array(Type.String(), { uniqueItems: true }) });
  assert.throws(
    () => structuralSchema(schema),
    /^Error: \.list: no place in a CRD for uniqueItems/,
  );
  const mixed = Type.Union([Type.Literal("x"), Type.Literal(1)]);
  assert.throws(() => structuralSchema(mixed), /between words/);
});

function* schemasIn(schema: Json | undefined, path: string): Iterable<[string, JsonObject]> {
  if (!isJsonObject(schema)) return;
  yield [path, schema];
  const { properties, items, additionalProperties } = schema;
  for (const [name, inner] of Object.entries(isJsonObject(properties) ? properties : {})) {
    yield* schemasIn(inner, `${path}.${name}`);
  }
  yield* schemasIn(items, `${path}[]`);
  yield* schemasIn(additionalProperties, `${path}{}`);
}

test("every text, list, map and number of the spec has a maximum", () => {
  const properties = rootStructure["properties"];
  const spec = isJsonObject(properties) ? properties["spec"] : undefined;
  const schemas = [...schemasIn(spec, "spec")];
  assert.ok(schemas.length > 80);
  const unbounded = schemas.filter(([, schema]) => {
    if (schema["type"] === "string") return !("maxLength" in schema || "enum" in schema);
    if (schema["type"] === "array") return !("maxItems" in schema);
    if (schema["type"] === "integer") return !("maximum" in schema);
    return "additionalProperties" in schema && !("maxProperties" in schema);
  });
  assert.deepEqual(
    unbounded.map(([path]) => path),
    [],
  );
});

test("every field says what it means", () => {
  const silent = [...schemasIn(rootStructure, "")].filter(
    ([path, { description }]) =>
      !/(\[\]|\{\})$/.test(path) && (typeof description !== "string" || description.length < 3),
  );
  assert.deepEqual(
    silent.map(([path]) => path),
    [],
  );
});
