/**
 * The table of routes: refuses at start what is not declared as it must be, and says which methods
 * a path has. Default deny begins here: a route under /v1 without a verb does not exist.
 */

import type { Method, Route } from "./route.ts";
import { keyRoutePath } from "./target.ts";

const parameterPattern = /\{([a-zA-Z]+)\}/g;

/** The path as fastify writes it. The key's path is literal: the router never sees a key. */
export const frameworkPath = (path: string): string =>
  path === keyRoutePath ? path : path.replace(parameterPattern, ":$1");

const toMatcher = (path: string): RegExp =>
  new RegExp(`^${path.replace(parameterPattern, "[^/]+").replaceAll("/", "\\/")}$`);

/** @throws Error for a route that is public under /v1, or that is declared twice */
function checkRoutes(routes: readonly Route[]): void {
  const seen = new Set<string>();
  for (const { method, path, access } of routes) {
    const name = `${method} ${path}`;
    if (access === "public" && (path === "/v1" || path.startsWith("/v1/"))) {
      throw new Error(`route ${name} is under /v1 and declares no verb`);
    }
    if (seen.has(name)) throw new Error(`route ${name} is declared twice`);
    seen.add(name);
  }
}

/** Routes, and by path for 405. */
export class RouteTable {
  readonly routes: readonly Route[];
  readonly #paths: readonly { readonly matcher: RegExp; readonly path: string }[];

  constructor(routes: readonly Route[]) {
    checkRoutes(routes);
    this.routes = routes;
    const paths = [...new Set(routes.map((route) => route.path))];
    this.#paths = paths.map((path) => ({
      path,
      matcher: path === keyRoutePath ? /^\/v1\/kv\/\{key\}$/ : toMatcher(path),
    }));
  }

  /** The methods of a path as requested; empty when no route has it. */
  methodsOf(routed: string): readonly Method[] {
    const found = this.#paths.find(({ matcher }) => matcher.test(routed));
    if (found === undefined) return [];
    return this.routes.filter(({ path }) => path === found.path).map(({ method }) => method);
  }
}
