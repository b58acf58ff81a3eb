/**
 * The API server as the tests reach it: `kubectl` for what a person would type, plain HTTP through
 * one `kubectl proxy` for looking, because a process for every look would starve a small machine.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Enough of any object for the questions asked here. */
export interface KubeItem {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly uid: string }[];
  };
}

export interface Pod extends KubeItem {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly startTime?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly state?: { readonly waiting?: { readonly reason?: string } };
    }[];
  };
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const RUN_MS = 120_000;
const REQUEST_MS = 30_000;

/** Runs a program to its end, whatever its exit code. A timeout ends it and is told in stderr. */
export async function run(
  program: string,
  args: readonly string[],
  { input, timeoutMs = RUN_MS, env = process.env, cwd }: RunOptions = {},
): Promise<Ran> {
  const place = cwd === undefined ? {} : { cwd };
  const child = spawn(program, args, { env, ...place, stdio: ["pipe", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  // A program that does not read its input closes the pipe; its exit code tells the rest.
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const timer = setTimeout(() => {
    output.stderr += `\nended after ${timeoutMs} ms`;
    child.kill("SIGKILL");
  }, timeoutMs);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  return { code, ...output };
}

/** Like `run`, but a failure throws with what the program said. @returns its stdout */
export async function mustRun(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) assert.fail(`${program} ${args.join(" ")} (${code}):\n${stderr}${stdout}`);
  return stdout;
}

export class HttpStatusError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Kube {
  readonly #proxy: ChildProcess;
  readonly #base: string;

  private constructor(proxy: ChildProcess, base: string) {
    this.#proxy = proxy;
    this.#base = base;
  }

  /** Uses KUBECONFIG and PATH of this process. */
  static async connect(): Promise<Kube> {
    const proxy = spawn("kubectl", ["proxy", "--port=0"], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const base = await new Promise<string>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        said += chunk.toString("utf8");
        const address = /127\.0\.0\.1:\d+/.exec(said)?.[0];
        if (address !== undefined) resolve(`http://${address}`);
      };
      proxy.stdout.on("data", take);
      proxy.stderr.on("data", take);
      proxy.once("error", reject);
      proxy.once("exit", (code) => reject(new Error(`kubectl proxy ended (${code}): ${said}`)));
    });
    return new Kube(proxy, base);
  }

  close(): void {
    this.#proxy.kill("SIGTERM");
  }

  /** The answer, whatever it is. */
  async send(
    path: string,
    init: RequestInit = {},
  ): Promise<{ readonly status: number; readonly body: string }> {
    const signal = init.signal ?? AbortSignal.timeout(REQUEST_MS);
    const answer = await fetch(`${this.#base}${path}`, { ...init, signal });
    return { status: answer.status, body: await answer.text() };
  }

  async text(path: string, init: RequestInit = {}): Promise<string> {
    const { status, body } = await this.send(path, init);
    if (status < 300) return body;
    throw new HttpStatusError(status, `${path}: ${status} ${body.slice(0, 400)}`);
  }

  async get<T = KubeItem>(path: string): Promise<T> {
    return JSON.parse(await this.text(path));
  }

  /** null when there is no such object. */
  async find<T = KubeItem>(path: string): Promise<T | null> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof HttpStatusError && error.status === 404) return null;
      throw error;
    }
  }

  async list<T = KubeItem>(path: string): Promise<readonly T[]> {
    return (await this.get<{ readonly items: readonly T[] }>(path)).items;
  }

  async pods(namespace: string, selector = ""): Promise<readonly Pod[]> {
    const query = selector === "" ? "" : `?labelSelector=${encodeURIComponent(selector)}`;
    return await this.list<Pod>(`/api/v1/namespaces/${namespace}/pods${query}`);
  }

  /** What a pod answers on one of its ports, through the API server. */
  async fromPod(
    pod: { readonly namespace: string; readonly name: string; readonly port: number },
    path: string,
    signal: AbortSignal = AbortSignal.timeout(REQUEST_MS),
  ): Promise<string> {
    const { namespace, name, port } = pod;
    const proxied = `/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy${path}`;
    return await this.text(proxied, { signal });
  }

  /** What a person would type. @returns stdout */
  async kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return await mustRun("kubectl", args, options);
  }

  /** Applies objects as JSON. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.kubectl(["apply", "-f", "-"], { input: JSON.stringify(list) });
  }

  async patch(path: string, change: object): Promise<void> {
    await this.text(path, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: JSON.stringify(change),
    });
  }
}

export const isReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  pod.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;

/** `name(phase, ready, restarts, node)`, for the message of a wait that ran out. */
export function describePod(pod: Pod): string {
  const [container] = pod.status.containerStatuses ?? [];
  const waiting = container?.state?.waiting?.reason;
  const words = [
    waiting ?? pod.status.phase,
    isReady(pod) ? "ready" : "not ready",
    `restarts ${container?.restartCount ?? 0}`,
    pod.spec.nodeName ?? "on no node",
    ...(pod.metadata.deletionTimestamp === undefined ? [] : ["being deleted"]),
  ];
  return `${pod.metadata.name} (${words.join(", ")})`;
}
