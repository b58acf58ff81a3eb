/** The OpenAPI 3.1 document, made from the routes and the schemas they are validated with. */
import { errorTable, type JsonSchema, problemMediaType, problemSchema } from "@kvcluster/protocol";
import type { Route, RouteDoc } from "./route.ts";

type Json = { readonly [name: string]: unknown };

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** Schemas with a title become components; others stay where they are. */
class Components {
  readonly #schemas = new Map<string, JsonSchema<unknown>>();

  place(schema: JsonSchema<unknown>): Json {
    const title: unknown = Reflect.get(schema, "title");
    if (typeof title !== "string") return { ...schema };
    this.#schemas.set(title, schema);
    return reference(title);
  }

  all(): Json {
    const names = [...this.#schemas.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.#schemas.get(name)]));
  }
}

type Content = RouteDoc["answers"][number];

function contentOf(what: Content, components: Components): Json {
  switch (what) {
    case "none":
      return {};
    case "bytes":
      return {
        content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
      };
    case "text":
      return { content: { "text/plain": { schema: { type: "string" } } } };
    default:
      return { content: { "application/json": { schema: components.place(what) } } };
  }
}

const reasonOf = (status: string): string => (status.startsWith("2") ? "Done" : "See the schema");

function parametersOf({ doc }: Route): Json[] {
  return (doc.parameters ?? []).map(({ name, in: place, description, type }) => ({
    name,
    in: place,
    description,
    required: place === "path",
    schema: { type },
  }));
}

/** `GET /v1/cluster/members/{id}` → `getV1ClusterMembersId`. */
const operationId = ({ method, path }: Route): string => {
  const words = path.split(/[^a-zA-Z0-9]+/).filter((word) => word !== "");
  const capital = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + capital.join("");
};

function operationOf(route: Route, components: Components): Json {
  const { doc, access } = route;
  const answers = Object.entries(doc.answers).map(([status, what]) => [
    status,
    { description: reasonOf(status), ...contentOf(what, components) },
  ]);
  const body =
    doc.requestBody === undefined
      ? {}
      : { requestBody: { required: true, ...contentOf(doc.requestBody, components) } };
  return {
    operationId: operationId(route),
    summary: doc.summary,
    ...(access === "public" ? { security: [] } : { description: `Needs the verb \`${access}\`.` }),
    parameters: parametersOf(route),
    ...body,
    responses: {
      ...Object.fromEntries(answers),
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

const codes = (): string =>
  Object.entries(errorTable)
    .map(([code, { status }]) => `\`${code}\` ${status}`)
    .join(", ");

/** The document as JSON text. */
export function renderOpenApi(routes: readonly Route[], version: string): string {
  const components = new Components();
  const problem = components.place(problemSchema);
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operationOf(route, components);
    paths[route.path] = path;
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "KVCluster",
      version,
      description: "A strongly consistent, encrypted, Raft-replicated key-value store.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      responses: {
        Problem: {
          description: `A problem document. Codes: ${codes()}`,
          content: { [problemMediaType]: { schema: problem } },
        },
      },
      schemas: components.all(),
    },
  };
  return JSON.stringify(document);
}
