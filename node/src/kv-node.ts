/**
 * One node's life: blank until it is told who it is, then recovering, serving, draining, gone. Owns
 * the replica, its store and its transport, and ends them in the order in which they depend on each
 * other.
 */
import type { Logger } from "pino";
import type { Config } from "./config/index.ts";
import { DiskGuard, type DiskSpace, GuardedReplica } from "./disk-guard.ts";
import { listenAddress } from "./listen-address.ts";
import {
  type Identity,
  type JoinRequest,
  type NodePhase,
  type NodeService,
  Replica,
  ReplicaError,
  type ReplicaService,
  type Runtime,
  type SnapshotSource,
} from "./replica/index.ts";
import { replicaOptions } from "./replica-settings.ts";
import {
  type DataFolder,
  type OpenedStore,
  openStore,
  ROCKS_DEFAULTS,
  STORAGE_DEFAULTS,
  type StorageError,
  type StoreTiming,
} from "./storage/index.ts";
import { defaultTransportLimits, TcpTransport, type TransportStats } from "./transport/index.ts";

export interface KvNodeSetup {
  readonly config: Config;
  readonly folder: DataFolder;
  readonly peerSecret: Uint8Array;
  readonly runtime: Runtime;
  readonly log: Logger;
  onTiming(timing: StoreTiming): void;
  /** The disk failed or lies: the process must end. */
  onFatal(error: StorageError): void;
}

/** What runs once the node has an identity. */
interface Running {
  readonly replica: Replica;
  readonly guarded: ReplicaService;
  readonly guard: DiskGuard;
  readonly opened: OpenedStore;
  readonly transport: TcpTransport;
}

export class KvNode implements NodeService {
  readonly name: string;
  readonly #setup: KvNodeSetup;
  #running: Running | null = null;
  #isStarting = false;
  #isDraining = false;
  #isClosed = false;

  constructor(setup: KvNodeSetup) {
    this.#setup = setup;
    this.name = setup.config.name;
  }

  /** Recovers what is on the disk; a blank node stays blank. @throws StorageError, Error (ports) */
  async start(): Promise<void> {
    const { folder, log } = this.#setup;
    if (folder.identity === null) {
      log.info({ dataFolder: folder.path }, "blank: waits for bootstrap or join");
      return;
    }
    await this.#open(folder.identity);
  }

  phase(): NodePhase {
    if (this.#isDraining) return "draining";
    if (this.#running === null) return this.#isStarting ? "starting" : this.#phaseWithoutReplica();
    const { corrupt, removed } = this.#running.replica.status();
    if (corrupt) return "corrupt";
    return removed ? "removed" : "serving";
  }

  identity(): Identity | null {
    return this.#setup.folder.identity;
  }

  replica(): ReplicaService | null {
    return this.#running?.guarded ?? null;
  }

  async bootstrap(): Promise<Identity> {
    this.#assertBlank();
    return this.#become(this.#setup.folder.bootstrap(this.#setup.config.advertise));
  }

  async join(request: JoinRequest): Promise<Identity> {
    this.#assertBlank();
    return this.#become(this.#setup.folder.join(request));
  }

  async drain(): Promise<void> {
    if (!this.#isDraining) this.#setup.log.info("draining: not ready, leadership is handed over");
    this.#isDraining = true;
    await this.#running?.replica.drain(this.#setup.config.timeouts.shutdownGraceMs);
  }

  openSnapshot(): Promise<SnapshotSource> {
    const running = this.#running;
    if (running === null) {
      const detail = "this node has no state to take a snapshot of";
      return Promise.reject(new ReplicaError("NOT_BOOTSTRAPPED", detail));
    }
    if (running.replica.status().corrupt) {
      const detail = "a backup of a corrupt replica would be corrupt";
      return Promise.reject(new ReplicaError("CORRUPT", detail));
    }
    return new Promise((resolve) => running.opened.store.openSnapshot(resolve));
  }

  /** null while the node is blank. */
  transportStats(): TransportStats | null {
    return this.#running?.transport.stats() ?? null;
  }

  /** null while the node is blank. */
  diskSpace(): DiskSpace | null {
    return this.#running?.guard.space() ?? null;
  }

  /** Ends everything in order; what waits is told. The state is durable afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    this.#running = null;
    if (running !== null) {
      running.guard.close();
      running.replica.stop();
      await running.transport.close();
      await running.opened.close();
    }
    this.#setup.folder.close();
  }

  #phaseWithoutReplica(): NodePhase {
    return this.identity() === null ? "blank" : "starting";
  }

  #assertBlank(): void {
    const identity = this.identity();
    if (this.#isClosed) throw new ReplicaError("SHUTTING_DOWN", "the node is shutting down");
    if (identity === null && !this.#isStarting) return;
    const who = identity === null ? "" : ` as node ${identity.nodeId} of ${identity.clusterId}`;
    throw new ReplicaError("ALREADY_BOOTSTRAPPED", `${this.name} has an identity already${who}`);
  }

  /** The identity is on the disk: a node that cannot live by it must end and recover. */
  async #become(identity: Identity): Promise<Identity> {
    try {
      await this.#open(identity);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#setup.runtime.fatal(cause);
    }
    return identity;
  }

  async #open(identity: Identity): Promise<void> {
    this.#isStarting = true;
    try {
      this.#running = await this.#run(identity);
    } finally {
      this.#isStarting = false;
    }
  }

  async #run(identity: Identity): Promise<Running> {
    const { config, runtime, log } = this.#setup;
    const options = replicaOptions(config);
    const transport = this.#createTransport(identity);
    await transport.listen();
    const opened = await this.#openStore(options.origin);
    const replica = new Replica({
      options,
      recovered: opened.recovered,
      store: opened.store,
      transport,
      runtime,
      observer: {
        onConfiguration: ({ members }) => log.info({ members }, "configuration changed"),
        onRemoved: () => log.warn({ ...identity }, "removed from the cluster"),
      },
    });
    replica.start();
    const guard = this.#createGuard();
    log.info({ ...identity, ...opened.recovered.summary }, "recovered");
    return { replica, guarded: new GuardedReplica(replica, guard), guard, opened, transport };
  }

  #createTransport({ clusterId, nodeId }: Identity): TcpTransport {
    const { config, runtime, log, peerSecret } = this.#setup;
    const { peers } = config;
    return new TcpTransport({
      clusterId,
      self: nodeId,
      listen: listenAddress(config.listen.peer),
      secret: peerSecret,
      runtime,
      log,
      limits: {
        ...defaultTransportLimits,
        connectionsMax: peers.connectionsMax,
        frameBytesMax: peers.frameBytesMax,
        queueMessagesMax: peers.queueMessagesMax,
        queueBytesMax: peers.queueBytesMax,
        connectMsMax: peers.connectTimeoutMs,
        handshakeMsMax: peers.connectTimeoutMs,
        silenceMsMax: peers.idleTimeoutMs,
        reconnectMsMin: peers.reconnectMinMs,
        reconnectMsMax: peers.reconnectMaxMs,
        snapshotsSentMax: config.log.snapshotsSentMax,
      },
    });
  }

  #openStore(origin: number): Promise<OpenedStore> {
    const { config, folder, log, onTiming, onFatal } = this.#setup;
    const { blockCacheBytes, writeBufferBytes, recordCacheBytes, compaction } = config.storage;
    return openStore({
      folder,
      origin,
      options: { ...STORAGE_DEFAULTS, segmentBytes: config.log.segmentBytes, recordCacheBytes },
      rocks: {
        ...ROCKS_DEFAULTS,
        cacheBytes: blockCacheBytes,
        memtableBytes: writeBufferBytes,
        compaction,
      },
      onTiming,
      onFatal,
      onNotice: (text) => log.warn(text),
    });
  }

  #createGuard(): DiskGuard {
    const { config, folder, runtime, log } = this.#setup;
    return new DiskGuard({
      path: folder.path,
      freeBytesMin: config.storage.freeBytesMin,
      runtime,
      onChange: (isLow, freeBytes) => {
        if (isLow) log.error({ freeBytes }, "disk almost full: writes are refused");
        else log.info({ freeBytes }, "there is room on the disk again");
      },
      onError: (error) => log.error({ err: error }, "the file system does not tell its free space"),
    });
  }
}
