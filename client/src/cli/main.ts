/** The process behind `kv`. Only this file touches the process. */
import { runCli } from "./program.ts";

// `kv list | head` closes the pipe early: that is how it is meant, not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCli(process.argv.slice(2), { stdin, stdout, stderr, env });
