/** What the charts make of the resource's definition. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { definitionTemplate } from "./definition-template.ts";
import { toJsonSchema, valuesSchema } from "./values-schema.ts";

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.example.test
  annotations: { version: "3" }
spec:
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          properties:
            spec:
              type: object
              default: {}
              required: [size, name]
              properties:
                size: { type: integer, default: 3, description: "like {{ this }}" }
                name: { type: string }
`;

test("the definition is made on request, kept for good, and never taken for a template", () => {
  const text = definitionTemplate(definition);
  assert.match(text, /\{\{- if \.Values\.crds\.create \}\}\napiVersion: /);
  assert.match(text, /version: "3"\n {4}helm\.sh\/resource-policy: keep\n/);
  assert.match(
    text,
    /labels:\n {4}\{\{- include "kvcluster-operator\.labels" \. \| nindent 4 \}\}/,
  );
  assert.match(text, /like \{\{ "\{\{" \}\} this \}\}/);
  assert.ok(text.endsWith("{{- end }}\n"));
});

test("values are the resource's spec, closed, and need nothing that has a default", () => {
  const { properties, additionalProperties } = JSON.parse(valuesSchema(definition));
  assert.equal(additionalProperties, false);
  assert.deepEqual(properties.spec.required, ["name"]);
  assert.equal(properties.spec.additionalProperties, false);
  assert.equal("default" in properties.spec, false);
});

test("quantities, maps and free objects of a definition stay what they are", () => {
  assert.deepEqual(toJsonSchema({ "x-kubernetes-int-or-string": true, anyOf: [] }), {
    type: ["integer", "string"],
  });
  const texts = { type: "object", additionalProperties: { type: "string" } };
  assert.deepEqual(toJsonSchema(texts), texts);
  const free = { type: "object", properties: {}, "x-kubernetes-preserve-unknown-fields": true };
  assert.deepEqual(toJsonSchema(free), { type: "object" });
});

test("a definition without a schema of spec is refused", () => {
  const bare = "metadata: { name: things.example.test }\nspec: { versions: [] }\n";
  assert.throws(() => valuesSchema(bare), /no schema of spec/);
  assert.throws(() => definitionTemplate("spec: {}"), /no metadata\.name/);
});
