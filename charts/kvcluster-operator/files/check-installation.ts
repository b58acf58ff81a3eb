/**
 * What `helm test` runs in the operator's image: the operator is ready, and the API server serves
 * KVClusters to the operator's account in every namespace it watches. Ends with 0 or 1.
 */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const requestTimeoutMs = 5_000;
const attemptsMax = Number(process.env["ATTEMPTS_MAX"] ?? 12);
const pauseMs = 2_000;
const tokenFile =
  process.env["TOKEN_FILE"] ?? "/var/run/secrets/kubernetes.io/serviceaccount/token";

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

interface Check {
  readonly what: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

function checks(): Check[] {
  const operator = setting("OPERATOR_URL");
  const host = setting("KUBERNETES_SERVICE_HOST");
  const port = setting("KUBERNETES_SERVICE_PORT");
  const scheme = process.env["KUBERNETES_SCHEME"] ?? "https";
  const api = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}/apis/kvcluster.io`;
  const headers = { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` };
  const namespaces = (process.env["WATCH_NAMESPACES"] ?? "").split(",").filter(Boolean);
  const scopes = namespaces.map((namespace) => `namespaces/${namespace}/`);
  return [
    { what: "the operator is ready", url: `${operator}/readyz`, headers: {} },
    ...(scopes.length === 0 ? [""] : scopes).map((scope) => ({
      what: `KVClusters are served to the operator, ${scope || "all namespaces"}`,
      url: `${api}/v1alpha1/${scope}kvclusters?limit=1`,
      headers,
    })),
  ];
}

/** Null when it is as it should be, else why not. */
async function problemOf({ url, headers }: Check): Promise<string | null> {
  try {
    const signal = AbortSignal.timeout(requestTimeoutMs);
    const response = await fetch(url, { headers, signal });
    const body = await response.text();
    return response.ok ? null : `${response.status} ${body.slice(0, 300)}`;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.cause instanceof Error
      ? `${error.message}: ${error.cause.message}`
      : error.message;
  }
}

async function passes(check: Check): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const problem = await problemOf(check);
    if (problem === null) {
      console.log(`✔ ${check.what}`);
      return true;
    }
    if (attempt === attemptsMax) {
      console.error(`✖ ${check.what}: GET ${check.url} answered ${problem}`);
      return false;
    }
    await setTimeout(pauseMs);
  }
}

const results = await Promise.all(checks().map(passes));
process.exitCode = results.every(Boolean) ? 0 : 1;
