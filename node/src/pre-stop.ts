/**
 * What a pod runs before its node gets SIGTERM: asks the node to hand leadership over and to fail
 * its readiness, and gives load balancers a moment to see that. It reads the configuration that the
 * node reads. Whatever happens, it ends soon and with 0: a hook must never hold up the end of a
 * pod, and a node that gets SIGTERM without it hands over by itself.
 */
import { readFileSync } from "node:fs";
import { mintOwnToken } from "./api/auth/index.ts";
import { type Config, loadConfig } from "./config/index.ts";
import { listenAddress } from "./listen-address.ts";

/** For everything together, milliseconds. */
const totalMsMax = 8000;
/** For the answer of the node. A hand-over takes a few round trips between the nodes. */
const drainMsMax = 5000;
/** Endpoints of a Service are updated in this time, usually; the node serves meanwhile. */
const noticeMs = 1500;

const say = (text: string): void => {
  process.stderr.write(`pre-stop: ${text}\n`);
};

/** Where the node of this machine listens, seen from this machine. */
function ownUrl({ listen }: Config): string {
  const { host, port } = listenAddress(listen.http);
  // Whoever listens on every address listens on this one, which a pod without IPv4 has as well.
  if (/^[0:.]+$/.test(host)) return `http://127.0.0.1:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function drain(config: Config): Promise<void> {
  const url = `${ownUrl(config)}/v1/cluster/drain`;
  const token = await mintOwnToken(config.auth, "pre-stop");
  const startedMs = performance.now();
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(drainMsMax),
  });
  const text = (await answer.text()).slice(0, 500);
  const afterMs = Math.round(performance.now() - startedMs);
  say(`POST ${url}: ${answer.status} after ${afterMs} ms: ${text}`);
}

async function main(): Promise<void> {
  const config = loadConfig({
    argv: process.argv.slice(2),
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
  });
  await drain(config);
  await new Promise((resolve) => setTimeout(resolve, noticeMs));
}

/** `fetch` says why only in the cause. */
const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
};

setTimeout(() => {
  say(`gave up after ${totalMsMax} ms`);
  process.exit(0);
}, totalMsMax).unref();
try {
  await main();
} catch (error) {
  say(`the node was not asked to hand over: ${describe(error)}`);
}
process.exit(0);
