/** Runs the commands of a golden script on a cluster in memory and returns what they printed. */
import { TestCluster } from "../../node/src/raft/test-cluster.test-kit.ts";
import { checkAssertion } from "./assertions.ts";
import { type Command, commands } from "./commands.ts";

export class ScriptRunner {
  readonly #lines: string[] = [];
  readonly #cluster = new TestCluster((line) => this.#lines.push(line));

  /** @throws Error naming the command that failed; an assertion that fails is such an error. */
  run(text: string): readonly string[] {
    this.#lines.length = 0;
    const words = text.trim().split(/\s+/);
    const [name = "", ...parameters] = words;
    try {
      if (name === "assert") {
        checkAssertion(this.#cluster, parameters);
        this.#lines.push("holds");
      } else this.#command(name)(this.#cluster, parameters, (line) => this.#lines.push(line));
    } catch (cause) {
      throw new Error(`${text}: ${(cause as Error).message}\n${this.#lines.join("\n")}`, { cause });
    }
    return this.#lines.length === 0 ? ["ok"] : [...this.#lines];
  }

  #command(name: string): Command {
    const command = commands[name];
    if (command === undefined) throw new Error(`there is no command ${name}`);
    return command;
  }
}
