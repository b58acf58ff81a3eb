/**
 * Every bound of the schema, asked of a real API server: what is just outside is refused at that
 * field, what is just inside is taken. The cases are made from the schema, so none is forgotten.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  rootStructure,
} from "../../operator/src/model/index.ts";
import { atApiServer } from "./api-server.test-kit.ts";
import { at, fullSpec, type Path, put, shownPath } from "./specs.test-kit.ts";

const server = atApiServer("bounds");

interface Place {
  readonly path: Path;
  readonly schema: JsonObject;
}

const field = (holder: JsonObject, key: string): JsonObject => {
  const value = holder[key];
  return isJsonObject(value) ? value : {};
};

/** Every field, list item and map value of the schema for which `fullSpec` has a value. */
function* places({ path, schema }: Place): Iterable<Place> {
  yield { path, schema };
  const value = at(fullSpec, path);
  if (Array.isArray(value)) {
    for (const i of value.keys()) {
      yield* places({ path: [...path, i], schema: field(schema, "items") });
    }
  }
  if (!isJsonObject(value)) return;
  for (const name of Object.keys(value)) {
    const inner = field(field(schema, "properties"), name);
    const isKnown = Object.keys(inner).length > 0;
    const below = isKnown ? inner : field(schema, "additionalProperties");
    if (Object.keys(below).length > 0) yield* places({ path: [...path, name], schema: below });
  }
}

const spec = field(field(rootStructure, "properties"), "spec");
const all = [...places({ path: [], schema: spec })];

interface Case extends Place {
  readonly what: string;
  readonly value: Json;
}

const numberIn = (schema: JsonObject, keyword: string): number | null => {
  const value = schema[keyword];
  return typeof value === "number" ? value : null;
};
const entries = (count: number, value: Json): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key-${i}`, value]));

type Maker = (schema: JsonObject, present: Json) => Json | null;

const textOf = (length: number | null): Json | null =>
  length === null || length < 0 ? null : "a".repeat(length);
const beyond = (bound: number | null, by: number): number | null =>
  bound === null ? null : bound + by;

/** For each bound, a value just outside; null when the schema has no such bound. */
const outside: Readonly<Record<string, Maker>> = {
  minimum: (schema) => beyond(numberIn(schema, "minimum"), -1),
  maximum: (schema) => beyond(numberIn(schema, "maximum"), 1),
  maxLength: (schema) => textOf(beyond(numberIn(schema, "maxLength"), 1)),
  minLength: (schema) => (numberIn(schema, "minLength") === 1 ? "" : null),
  enum: (schema) => (schema["enum"] === undefined ? null : "nonsense"),
  maxItems: (schema, present) => {
    const max = numberIn(schema, "maxItems");
    const [first] = Array.isArray(present) ? present : [];
    return max === null ? null : Array.from({ length: max + 1 }, () => first);
  },
  minItems: (schema) => (numberIn(schema, "minItems") === null ? null : []),
  maxProperties: (schema, present) => {
    const max = numberIn(schema, "maxProperties");
    const [first] = Object.values(isJsonObject(present) ? present : {});
    return max === null ? null : entries(max + 1, first ?? "");
  },
  minProperties: (schema) => (numberIn(schema, "minProperties") === null ? null : {}),
  type: (schema) => (schema["type"] === "string" ? 7 : schema["type"] === undefined ? null : "x"),
};

const refusals: readonly Case[] = all
  .filter(({ path }) => path.length > 0)
  .flatMap(({ path, schema }) =>
    Object.entries(outside).flatMap(([what, make]) => {
      const value = make(schema, at(fullSpec, path) ?? null);
      return value === null ? [] : [{ path, schema, what, value }];
    }),
  );

test("the spec that uses every field is legal and is kept as it was given", async () => {
  const answer = await server().tryCreate(fullSpec);
  assert.equal(answer.type, "accepted", JSON.stringify(answer));
  assert.deepEqual(answer.type === "accepted" && answer.object["spec"], fullSpec);
});

test("that spec has a value for every field of the schema", () => {
  const reached = new Set(all.map(({ schema }) => schema));
  const unreached: string[] = [];
  const walk = (schema: JsonObject, path: string): void => {
    if (!reached.has(schema)) unreached.push(path);
    for (const name of Object.keys(field(schema, "properties"))) {
      walk(field(field(schema, "properties"), name), `${path}.${name}`);
    }
    for (const inner of ["items", "additionalProperties"]) {
      if (schema[inner] !== undefined) walk(field(schema, inner), `${path}.${inner}`);
    }
  };
  walk(spec, "spec");
  assert.deepEqual(unreached, []);
});

test("what is just outside a bound is refused at that field", async (t) => {
  assert.ok(refusals.length > 200, `${refusals.length} cases`);
  const kinds = new Set(refusals.map(({ what }) => what));
  assert.deepEqual([...kinds].sort(), Object.keys(outside).sort(), "a kind of bound has no case");
  const wrong: string[] = [];
  for (const { path, what, value } of refusals) {
    const answer = await server().tryCreate(put(fullSpec, path, value));
    const isNamed =
      answer.type === "refused" &&
      answer.causes.some((cause) => cause.field.startsWith(shownPath(path)));
    if (!isNamed) wrong.push(`${shownPath(path)} ${what}: ${JSON.stringify(answer)}`);
  }
  assert.deepEqual(wrong, []);
  t.diagnostic(`${refusals.length} illegal values refused`);
});

test("what is required is missed at its place", async () => {
  const required = all.flatMap(({ path, schema }) => {
    const names = Array.isArray(schema["required"]) ? schema["required"] : [];
    return names.map((name) => ({ path, name: String(name) }));
  });
  assert.ok(required.length >= 10);
  for (const { path, name } of required) {
    const answer = await server().tryCreate(put(fullSpec, [...path, name], undefined));
    const fields = answer.type === "refused" ? answer.causes.map((cause) => cause.field) : [];
    assert.ok(fields.includes(shownPath([...path, name])), `${shownPath(path)}.${name}: ${fields}`);
  }
});

test("the bounds of numbers are legal themselves", async () => {
  const numbers = all.filter(({ schema }) => schema["type"] === "integer");
  assert.equal(numbers.length, 6);
  for (const { path, schema } of numbers) {
    for (const bound of [schema["minimum"], schema["maximum"]]) {
      const answer = await server().tryCreate(put(fullSpec, path, bound));
      assert.equal(answer.type, "accepted", `${shownPath(path)} ${bound}`);
    }
  }
});

test("a misspelt field is refused by name", async () => {
  const answer = await server().tryCreate({ replica: 3 });
  assert.match(answer.type === "refused" ? answer.message : "", /unknown field "spec\.replica"/);
});
