/** A person who types what the README says into a shell, in a namespace of a test. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./kube.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
const SECTION = "## On Kubernetes";
const TYPING_MS = 400_000;

/** The shell blocks of the README's section, each as its lines. */
export function readmeBlocks(): readonly (readonly string[])[] {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, section = assert.fail(`the README has no ${SECTION}`)] = readme.split(`\n${SECTION}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) =>
    text.split("\n").filter((line) => line.trim() !== ""),
  );
}

export class Reader {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "kvcluster-readme-"));
  readonly #namespace: string;

  private constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** kubectl's namespace is set as a person would, in a configuration of his own. */
  static async sitDown(namespace: string): Promise<Reader> {
    const reader = new Reader(namespace);
    const own = join(reader.#folder, "kubeconfig");
    const flat = ["config", "view", "--raw", "--flatten"];
    writeFileSync(own, await mustRun("kubectl", flat), { mode: 0o600 });
    const set = ["config", "set-context", "--current", `--namespace=${namespace}`];
    await mustRun("kubectl", set, { env: { ...process.env, KUBECONFIG: own } });
    return reader;
  }

  /** Types lines one after the other into one shell. @returns what was printed */
  async type(lines: readonly string[]): Promise<string> {
    const script = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"];
    for (const line of lines) {
      script.push(`echo ${quote(`$ ${line}`)}`, this.#adapt(line));
      // A person does not type the next line before the port is forwarded.
      if (line.includes("port-forward")) {
        script.push("until curl -s -o /dev/null http://127.0.0.1:5000/livez; do sleep 0.2; done");
      }
    }
    const env = { ...process.env, KUBECONFIG: join(this.#folder, "kubeconfig") };
    const shell = { cwd: root, env, timeoutMs: TYPING_MS };
    return await mustRun("bash", ["-c", `${script.join("\n")}\n`], shell);
  }

  /** The README's namespace is `default`; ours is not. Who follows a log has seen enough of it. */
  #adapt(line: string): string {
    const sample = /-f (manifests\/samples\/\S+)/.exec(line)?.[1];
    const ours = `${this.#namespace}/store`;
    if (sample !== undefined) {
      const copy = join(this.#folder, "sample.yaml");
      const text = readFileSync(join(root, sample), "utf8").replaceAll("default/store", ours);
      writeFileSync(copy, text);
      return line.replace(sample, copy);
    }
    const followed = line.includes("--follow") ? `timeout 20 ${line} || true` : line;
    return followed.replaceAll("default/store", ours);
  }

  leave(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
