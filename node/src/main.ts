/**
 * The entry of a node's process: reads the configuration, starts the node, and ends it at a signal
 * or at the first error after which nothing may be trusted.
 */
import { readFileSync } from "node:fs";
import { destination, type Logger, pino } from "pino";
import { AuthConfigurationError } from "./api/index.ts";
import { type Config, ConfigError, effectiveConfig, loadConfig } from "./config/index.ts";
import { CryptoError } from "./crypto/index.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";
import { createRealRuntime } from "./real-runtime.ts";
import { StorageError } from "./storage/index.ts";
import { version } from "./version.ts";

/** Exit codes, as docs/operations tell them. */
const exitCodes = {
  stopped: 0,
  /** A failed write or sync, or a bug: restart and look at the log. */
  crashed: 1,
  /** The configuration or a secret is refused. */
  configuration: 2,
  /** The data folder is in use, foreign, of another node, or damaged, whenever that is found. */
  dataFolder: 3,
  /** A port cannot be listened on. */
  listen: 4,
} as const;

const readConfig = (): Config => {
  try {
    return loadConfig({
      argv: process.argv.slice(2),
      env: process.env,
      readFile: (path) => readFileSync(path, "utf8"),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.configuration);
  }
};

/** The log is written synchronously: the last line before an end is the one that matters. */
const createLog = ({ logLevel, name }: Config): Logger =>
  pino({ level: logLevel, base: { node: name } }, destination({ dest: 1, sync: true }));

const exitCodeOf = (error: unknown): number => {
  if (error instanceof AuthConfigurationError) return exitCodes.configuration;
  if (error instanceof CryptoError) return exitCodes.configuration;
  if (error instanceof StorageError) return exitCodes.dataFolder;
  const isListen = error instanceof Error && "syscall" in error && error.syscall === "listen";
  return isListen ? exitCodes.listen : exitCodes.crashed;
};

/** While it runs, a failure of the disk is a crash, but damage stays damage after any restart. */
const exitCodeOfFatal = (error: Error): number => {
  const isDamage = error instanceof StorageError && error.code === "CORRUPT";
  return isDamage ? exitCodes.dataFolder : exitCodes.crashed;
};

const start = async (config: Config, log: Logger): Promise<NodeProcess> => {
  const runtime = createRealRuntime((error) => {
    log.fatal({ err: error }, `the node ends: ${error.message}`);
    process.exit(exitCodeOfFatal(error));
  });
  process.on("uncaughtException", (error) => runtime.fatal(error));
  process.on("unhandledRejection", (reason) => {
    runtime.fatal(reason instanceof Error ? reason : new Error(String(reason)));
  });
  try {
    return await startNodeProcess({ config, log, runtime });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.fatal({ err: error }, `the node does not start: ${message}`);
    process.exit(exitCodeOf(error));
  }
};

/** The first signal ends the node in order, the second one at once. */
const stopAtSignal = (running: NodeProcess, log: Logger): void => {
  let isStopping = false;
  const stop = (signal: string): void => {
    if (isStopping) process.exit(exitCodes.crashed);
    isStopping = true;
    log.info({ signal }, "stopping");
    running.stop().then(
      () => {
        log.info("stopped");
        process.exit(exitCodes.stopped);
      },
      (error: unknown) => {
        log.fatal({ err: error }, "the node did not stop in order");
        process.exit(exitCodes.crashed);
      },
    );
  };
  process.off("SIGTERM", endWhileStarting);
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
};

/**
 * As process 1 of a container, a process without a handler does not get the signal at all: a pod
 * that is ended while it starts would wait for its SIGKILL. Whatever was begun is as after a crash.
 */
const endWhileStarting = (): void => process.exit(exitCodes.stopped);

process.on("SIGTERM", endWhileStarting);
const config = readConfig();
const log = createLog(config);
log.info({ version, node: process.version, config: effectiveConfig(config) }, "starting");
stopAtSignal(await start(config, log), log);
