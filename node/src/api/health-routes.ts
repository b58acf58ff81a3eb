/** Probes, metrics and the OpenAPI document: public, and never under /v1. */
import { healthSchema, readinessSchema } from "@kvcluster/protocol";
import type { ApiContext } from "./context.ts";
import { checkHealth, type HealthPath } from "./health.ts";
import { type Call, jsonAnswer, type Plan, planOf, type Route } from "./route.ts";

const noStore = ["cache-control", "no-store"] as const;

const planHealth =
  (path: HealthPath) =>
  (call: Call, context: ApiContext): Plan => {
    const verbose = call.query.flag("verbose");
    return planOf("public", async () => {
      const { status, body } = checkHealth(path, verbose, context);
      return { ...jsonAnswer(null, status, noStore), body };
    });
  };

function planMetrics(_call: Call, { metricsPage }: ApiContext): Plan {
  return planOf("public", async () => ({
    type: "plain",
    status: 200,
    headers: ["content-type", metricsPage.contentType, ...noStore],
    body: await metricsPage.render(),
  }));
}

function planOpenApi(_call: Call, { openApi }: ApiContext): Plan {
  return planOf("public", async () => ({
    type: "plain",
    status: 200,
    headers: ["content-type", "application/json"],
    body: openApi(),
  }));
}

const publicRoute = (
  path: string,
  options: Pick<Route, "plan" | "doc"> & { readonly query?: readonly string[] },
): Route => ({
  method: "GET",
  path,
  access: "public",
  body: "none",
  mutates: false,
  query: options.query ?? [],
  doc: options.doc,
  plan: options.plan,
});

const verboseParameter = {
  name: "verbose",
  in: "query",
  description: "With the single checks",
  type: "boolean",
} as const;

/** Probes and metrics. */
export const healthRoutes: readonly Route[] = [
  publicRoute("/livez", {
    query: ["verbose"],
    doc: {
      summary: "Is the process alive",
      parameters: [verboseParameter],
      answers: { 200: healthSchema },
    },
    plan: planHealth("/livez"),
  }),
  publicRoute("/startupz", {
    query: ["verbose"],
    doc: {
      summary: "Has the node recovered what is on its disk",
      parameters: [verboseParameter],
      answers: { 200: healthSchema, 503: healthSchema },
    },
    plan: planHealth("/startupz"),
  }),
  publicRoute("/readyz", {
    query: ["verbose"],
    doc: {
      summary: "Does the node serve linearizable reads, and who leads",
      parameters: [verboseParameter],
      answers: { 200: readinessSchema, 503: readinessSchema },
    },
    plan: planHealth("/readyz"),
  }),
  publicRoute("/metrics", {
    doc: { summary: "Metrics for Prometheus", answers: { 200: "text" } },
    plan: planMetrics,
  }),
];

/** The OpenAPI document. */
export const documentRoutes: readonly Route[] = [
  publicRoute("/openapi.json", {
    doc: { summary: "This document", answers: { 200: "text" } },
    plan: planOpenApi,
  }),
];
