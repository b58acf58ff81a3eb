/**
 * The entry of the operator's process: settings, log, signals and exit codes. Everything else is in
 * `operator.ts`.
 */
import { destination, type Logger, pino } from "pino";
import { type OperatorSettings, readSettings, SettingsError } from "./controller/index.ts";
import { isKubeError, KubeConnection, loadKubeConfig, systemClock } from "./kube/index.ts";
import { createMetrics, type OperatorEnd, OperatorView, runOperator } from "./operator.ts";

/** Exit codes, as docs/reference/operator.md tells them. */
const exitCodes = {
  stopped: 0,
  /** A defect, or an API server that refuses what the operator needs: look at the log. */
  crashed: 1,
  /** Settings, kubeconfig or CRD are refused: a restart will not help. */
  configuration: 2,
  /** The Lease was lost: another process acts now. */
  leaseLost: 3,
} as const;

function readOwnSettings(): OperatorSettings {
  try {
    return readSettings({ argv: process.argv.slice(2), env: process.env });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.configuration);
  }
}

/** Written synchronously: the last line before an end is the one that matters. */
const createLog = ({ logLevel, podName }: OperatorSettings): Logger =>
  pino({ level: logLevel, base: { pod: podName } }, destination({ dest: 1, sync: true }));

/** One signal that reaches us twice (as a process and as one of its group) is not a second one. */
const SAME_SIGNAL_MS = 1_000;

/** The first signal stops in order, the second at once. */
function stopAtSignal(log: Logger): AbortSignal {
  const stop = new AbortController();
  let toldAtMs = 0;
  const onSignal = (signal: string): void => {
    if (stop.signal.aborted) {
      if (performance.now() - toldAtMs > SAME_SIGNAL_MS) process.exit(exitCodes.crashed);
      return;
    }
    toldAtMs = performance.now();
    log.info({ signal }, "stopping");
    stop.abort();
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, onSignal);
  return stop.signal;
}

function exitCodeOf(end: OperatorEnd, log: Logger): number {
  switch (end.type) {
    case "stopped":
      log.info({}, "stopped");
      return exitCodes.stopped;
    case "leaseLost":
      log.error({}, "the Lease was lost: another process may act now, so this one ends");
      return exitCodes.leaseLost;
    case "crdRefused":
      log.fatal({ code: end.fault.code }, end.fault.message);
      return exitCodes.configuration;
  }
}

async function main(): Promise<number> {
  const settings = readOwnSettings();
  const log = createLog(settings);
  const die = (error: unknown): never => {
    log.fatal({ err: error }, "the operator ends");
    process.exit(exitCodes.crashed);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  const view = new OperatorView();
  const metrics = createMetrics(view);
  try {
    const connection = new KubeConnection({
      config: loadKubeConfig(process.env),
      clock: systemClock,
      random: Math.random,
      onAnswer: (answer) => metrics.noteKubeAnswer(answer),
    });
    const parts = { settings, log, connection, metrics, view };
    return exitCodeOf(await runOperator(parts, stopAtSignal(log)), log);
  } catch (error) {
    if (!isKubeError(error, "invalid")) return die(error);
    log.fatal({ err: error }, "the operator cannot speak to Kubernetes");
    return exitCodes.configuration;
  }
}

process.exit(await main());
