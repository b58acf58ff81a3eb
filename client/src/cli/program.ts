/** The `kv` command: its flags, its help, and how a run ends. */
import { Command, CommanderError } from "commander";
import { KVClientError } from "../errors.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { type ExitCode, exitCodeOf, exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { addKeyCommands } from "./key-commands.ts";
import { settingsHelp } from "./settings.ts";
import { type CliStreams, write } from "./streams.ts";

const examples = `
Examples:
  kv put greeting hello              write a value
  kv get greeting                    print it, byte for byte
  cat photo.jpg | kv put photo -     a value from standard input
  kv cas greeting 3 "hello again"    only if the revision is still 3
  kv list --prefix users/ --limit 20
  kv batch put a 1 put b 2 delete c  all or nothing, one revision
  kv status                          nodes, leader, figures
  kv token --secret-file .data/secrets/jwt-secret --prefix users/ --verbs read --ttl 1h`;

function createProgram(streams: CliStreams): Command {
  const program = new Command("kv")
    .description("Talk to a KVCluster: one node, many, or a balancer.")
    .option("--endpoints <urls>", "addresses, separated by commas")
    .option("--token <token>", "the token itself")
    .option("--token-file <file>", "a file with the token")
    .option("--secret-file <file>", "the cluster's secret, to make a token from")
    .option("--user <name>", "the subject of a token made from the secret")
    .option("--ca-file <file>", "certificate authorities to trust, PEM")
    .option("--timeout <ms>", "how long the command may take, milliseconds")
    .option("--json", "documents for programs instead of text for people")
    .addHelpText("after", `${examples}\n${settingsHelp}\n${exitCodesHelp}`)
    .showHelpAfterError("(kv --help shows what there is)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
    });
  addKeyCommands(program, streams);
  addClusterCommands(program, streams);
  return program;
}

/** Runs `kv` with arguments, without the program's own name. Never throws. */
export async function runCli(args: readonly string[], streams: CliStreams): Promise<ExitCode> {
  try {
    await createProgram(streams).parseAsync([...args], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    // The parser has said what was wrong, and shown help when it was asked to.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    await write(streams.stderr, `kv: ${describe(error)}\n`);
    return exitCodeOf(error);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof KVClientError)) return error.message;
  const isUnauthenticated = error.code === "UNAUTHENTICATED";
  const advice = isUnauthenticated ? " (see --token, --token-file and --secret-file)" : "";
  return `${error.message}${advice}`;
}
