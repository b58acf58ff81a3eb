/**
 * `make run`: starts the local cluster, shows how to talk to it, stays until it is told to stop.
 */
import { LaunchError, messageOf } from "./launch-error.ts";
import { readLaunchSettings, variablesHelp } from "./launch-settings.ts";
import { Launcher } from "./launcher.ts";
import { runSamples } from "./samples.ts";
import { describeCluster } from "./screen.ts";

const say = (line: string): void => console.log(line);

/** Resolves at the first signal; further ones change nothing: stopping is bounded anyway. */
function untilToldToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => resolve(signal));
    }
  });
}

function describe(error: unknown): string {
  if (error instanceof LaunchError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function startAndShow(launcher: Launcher, dataFolder: string): Promise<void> {
  const startedMs = performance.now();
  await launcher.start();
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const found = await launcher.describeData();
  say(
    `${launcher.nodes.length} nodes and the balancer run, after ${seconds} s; ${found}. Samples:`,
  );
  say("");
  const { address, token, tokenFile, nodes } = launcher;
  const unexpected = await runSamples({ address, token, say });
  if (unexpected > 0) say(`${unexpected} of the samples did not answer as expected`);
  const parts = { nodes, balancer: address, token, tokenFile, dataFolder, cwd: process.cwd() };
  for (const line of describeCluster(parts)) say(line);
}

async function main(): Promise<number> {
  const stopped = untilToldToStop();
  let launcher: Launcher | null = null;
  let exitCode = 0;
  try {
    const settings = readLaunchSettings(process.env, process.cwd());
    launcher = new Launcher({ settings, env: process.env, say });
    say(`Starting the local cluster in ${settings.dataFolder}`);
    const started = startAndShow(launcher, settings.dataFolder);
    const ended = await Promise.race([started.then(() => null), stopped]);
    if (ended === null) await stopped;
    else started.catch((error: unknown) => say(`stopped while starting: ${messageOf(error)}`));
    say("\nStopping");
  } catch (error) {
    console.error(`\nThe local cluster does not run:\n${describe(error)}`);
    exitCode = 1;
  }
  await launcher?.stop();
  if (exitCode === 0) say("Stopped; the data stays where it is.");
  return exitCode;
}

if (process.argv.includes("--help") || process.argv.includes("-h")) {
  say(`make run: a cluster of real nodes on this machine.\n\nEnvironment:\n${variablesHelp()}`);
} else {
  process.exitCode = await main();
}
