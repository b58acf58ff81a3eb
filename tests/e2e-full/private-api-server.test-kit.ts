/**
 * An API server and an etcd of a test's own, from the lab's programs: for what depends on how an
 * API server is started. It has no controllers, nodes or webhooks; users come from a token file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choosePorts } from "../cluster/ports.test-kit.ts";
import { mustRun, type Ran, run } from "../e2e/kubernetes/kube.test-kit.ts";
import { becomes, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";

const READY_MS = 120_000;
/** Who starts an API server with nothing else has these rights. */
const ADMIN = "admin";

export class PrivateApiServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "kvcluster-api-server-"));
  readonly #processes: ChildProcess[] = [];
  /** Whatever ends the test's process: nothing of it stays behind. */
  readonly #killAtExit = (): void => this.#kill();
  #port = 0;

  private constructor() {
    process.once("exit", this.#killAtExit);
  }

  /**
   * @param plugins admission plugins beside the usual ones
   * @param users may do nothing until roles are bound to them
   */
  static async start(
    plugins: readonly string[],
    users: readonly string[],
  ): Promise<PrivateApiServer> {
    const server = new PrivateApiServer();
    try {
      await server.#start(plugins, users);
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async asAdmin(args: readonly string[], input = ""): Promise<string> {
    return await mustRun("kubectl", [...this.#as(ADMIN), ...args], { input });
  }

  /** What becomes of it, whether or not it is allowed. */
  async try(user: string, args: readonly string[], input = ""): Promise<Ran> {
    return await run("kubectl", [...this.#as(user), ...args], { input });
  }

  async stop(): Promise<void> {
    process.off("exit", this.#killAtExit);
    const ends = this.#processes.filter(isRunning).map((child) => once(child, "exit"));
    this.#kill();
    await Promise.all(ends);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #kill(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
  }

  async #start(plugins: readonly string[], users: readonly string[]): Promise<void> {
    const first = await choosePorts(3);
    const [client, peer] = [`http://127.0.0.1:${first}`, `http://127.0.0.1:${first + 1}`];
    this.#port = first + 2;
    this.#run("etcd", [
      ...["--data-dir", join(this.#folder, "etcd")],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", `default=${peer}`],
    ]);
    const key = this.#write("accounts.key", accountKey());
    this.#run("kube-apiserver", [
      ...["--etcd-servers", client, "--bind-address", "127.0.0.1"],
      ...["--secure-port", `${this.#port}`, "--cert-dir", join(this.#folder, "pki")],
      ...["--service-account-issuer", "https://private.test"],
      ...["--service-account-key-file", key, "--service-account-signing-key-file", key],
      ...["--service-cluster-ip-range", "10.97.0.0/24", "--endpoint-reconciler-type", "none"],
      ...["--authorization-mode", "RBAC", "--enable-admission-plugins", plugins.join()],
      ...["--token-auth-file", this.#writeUsers(users)],
    ]);
    await becomes("the API server is ready", () => this.#isReady(), { withinMs: READY_MS });
  }

  async #isReady(): Promise<true | NotYet> {
    const dead = this.#processes.find((child) => !isRunning(child));
    if (dead !== undefined) return new NotYet(`${dead.spawnfile} ended:\n${this.#logOf(dead)}`);
    const { code, stderr } = await this.try(ADMIN, ["get", "--raw", "/readyz"]);
    return code === 0 || new NotYet(stderr);
  }

  #as(user: string): readonly string[] {
    return ["--kubeconfig", join(this.#folder, `${user}.kubeconfig`)];
  }

  /** @returns the token file; a kubeconfig for each lies beside it */
  #writeUsers(users: readonly string[]): string {
    const lines = [ADMIN, ...users].map((user) => {
      const token = randomBytes(16).toString("hex");
      this.#write(`${user}.kubeconfig`, kubeconfig(this.#port, token));
      return `${token},${user},${user}${user === ADMIN ? ',"system:masters"' : ""}`;
    });
    return this.#write("tokens.csv", `${lines.join("\n")}\n`);
  }

  #write(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  #run(program: string, args: readonly string[]): void {
    const log = openSync(join(this.#folder, `${program}.log`), "w", 0o600);
    this.#processes.push(spawn(program, args, { stdio: ["ignore", log, log] }));
    closeSync(log);
  }

  #logOf({ spawnfile }: ChildProcess): string {
    return readFileSync(join(this.#folder, `${spawnfile}.log`), "utf8").slice(-2_000);
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

function accountKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Its certificate is made at its start, for itself alone: there is nothing to check it by. */
function kubeconfig(port: number, token: string): string {
  const server = `https://127.0.0.1:${port}`;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}
