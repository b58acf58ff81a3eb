/**
 * Everything that runs in one node's process, put together: secrets, then disk, then sockets, and
 * the way back in the opposite order. What is wrong with settings or files is found before a port
 * is opened.
 */
import { join } from "node:path";
import type { Logger } from "pino";
import {
  type ApiServer,
  type Auth,
  createHealthPort,
  createHttpServer,
  createMetrics,
  type Metrics,
  type MetricsServer,
  openAuth,
  readSecretFile,
  startMetricsServer,
} from "./api/index.ts";
import type { Config } from "./config/index.ts";
import { Encryption } from "./crypto/index.ts";
import { KvNode } from "./kv-node.ts";
import { listenAddress, usableListeners } from "./listen-address.ts";
import type { Runtime } from "./replica/index.ts";
import {
  type DataFolder,
  KEY_USE_FILE,
  openDataFolder,
  type StoreTiming,
} from "./storage/index.ts";
import { version } from "./version.ts";

export interface NodeProcessSetup {
  readonly config: Config;
  readonly log: Logger;
  readonly runtime: Runtime;
}

export interface NodeProcess {
  /** Where the API listens, `host:port`. */
  readonly httpAddress: string;
  /** Hands leadership over, finishes what is in flight within bounds, makes all durable. */
  stop(): Promise<void>;
}

interface Servers {
  readonly api: ApiServer;
  readonly metrics: MetricsServer;
}

/** Keys of the ring are looked at so often, ms; a rotation waits no longer than this. */
const KEY_RING_POLL_MS = 1000;

/**
 * @throws StorageError, CryptoError, AuthConfigurationError, or the system's error for a port that
 * cannot be listened on
 */
export const startNodeProcess = async (wanted: NodeProcessSetup): Promise<NodeProcess> => {
  const listen = await usableListeners(wanted.config.listen);
  const setup = { ...wanted, config: { ...wanted.config, listen } };
  const { config, log } = setup;
  const auth = await openAuth({ config: config.auth, log, nowMs: () => Date.now() });
  const peerSecret = await readSecretFile(config.peers.secretFile);
  const folder = openDataFolder(config.dataFolder, {
    name: config.name,
    onNotice: (text) => log.warn(text),
  });
  const encryption = openEncryption(setup, folder);
  let metrics: Metrics | null = null;
  const node = new KvNode({
    ...setup,
    folder,
    peerSecret,
    onTiming: (timing) => observe(metrics, timing),
    onFatal: (error) => setup.runtime.fatal(error),
  });
  metrics = createMetrics({
    node,
    version,
    transport: () => node.transportStats(),
    disk: () => node.diskSpace(),
    auth: () => auth.stats(),
    encryption: () => encryption.stats(),
  });
  const servers = await startServers(setup, { node, auth, encryption, metrics });
  await node.start();
  log.info({ http: servers.httpAddress, phase: node.phase() }, "serving");
  return {
    httpAddress: servers.httpAddress,
    stop: () => stopAll({ node, auth, encryption, log }, servers),
  };
};

const openEncryption = (setup: NodeProcessSetup, folder: DataFolder): Encryption =>
  new Encryption({
    keyRingPath: setup.config.keyRingFile,
    keyUsePath: join(folder.path, KEY_USE_FILE),
    pollMs: KEY_RING_POLL_MS,
    runtime: setup.runtime,
    log: setup.log,
  });

const observe = (metrics: Metrics | null, timing: StoreTiming): void => {
  if (timing.type === "append") metrics?.observeLogSync(timing.ms / 1000);
  else metrics?.observeApply(timing.ms / 1000);
};

interface Parts {
  readonly node: KvNode;
  readonly auth: Auth;
  readonly encryption: Encryption;
}

/** Listens before the node has recovered, so that probes see it starting. */
const startServers = async (
  { config, log }: NodeProcessSetup,
  { node, auth, encryption, metrics }: Parts & { readonly metrics: Metrics },
): Promise<Servers & { readonly httpAddress: string }> => {
  const api = createHttpServer({
    node,
    authorizer: auth.authorizer,
    sealer: encryption.cipher,
    config,
    metrics,
    metricsPage: metrics,
    logger: log,
    version,
  });
  const { host, port } = listenAddress(config.listen.metrics);
  const metricsServer = await startMetricsServer({
    host,
    port,
    page: metrics,
    health: createHealthPort({ node, uptimeSeconds: () => process.uptime() }),
    onError: (error) => log.error({ err: error }, "the metrics listener could not answer"),
  });
  const httpAddress = await api.listen(config.listen.http);
  return { api, metrics: metricsServer, httpAddress };
};

const stopAll = async (
  parts: Parts & { readonly log: Logger },
  servers: Servers,
): Promise<void> => {
  const { node, auth, encryption, log } = parts;
  try {
    await node.drain();
  } catch (error) {
    // Nobody took the leadership over: the others elect a leader once this one is silent.
    log.warn({ err: error }, "leadership was not handed over");
  }
  await servers.api.close();
  await node.close();
  await servers.metrics.close();
  encryption.close();
  auth.close();
};
