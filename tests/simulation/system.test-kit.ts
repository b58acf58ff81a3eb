/** The code under simulation, loaded from a folder: the shipped one, or a mutant's copy of it. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export type KvModule = typeof import("../../node/src/kv/index.ts");
type RaftModule = typeof import("../../node/src/raft/index.ts");
type ReplicaModule = typeof import("../../node/src/replica/index.ts");
type DiskModule = typeof import("../../node/src/storage/simulated-disk.ts");
type FilesModule = typeof import("../../node/src/storage/simulated-files.ts");
type StateModule = typeof import("../../node/src/storage/state/index.ts");
type ClientModule = typeof import("../../node/src/storage/store-client.ts");
type CoreModule = typeof import("../../node/src/storage/store-core.ts");
type ServerModule = typeof import("../../node/src/storage/store-server.ts");

type PeerCodecModule = typeof import("../../node/src/transport/codec/peer-message.ts");
type SegmentModule = typeof import("../../node/src/transport/codec/segment-writer.ts");
export type PeerCodec = PeerCodecModule & SegmentModule;

/** Both halves of the shipped store; only files, engines and the thread between them have twins. */
export type StorageParts = DiskModule &
  FilesModule &
  StateModule &
  ClientModule &
  CoreModule &
  ServerModule;

export interface System {
  readonly kv: KvModule;
  readonly raft: RaftModule;
  readonly replica: ReplicaModule;
  readonly storage: StorageParts;
  readonly codec: PeerCodec;
}

/** The folder of the shipped node. */
export const shippedSource: string = join(import.meta.dirname, "../../node/src");

/** @param source a folder like node/src */
export const loadSystem = async (source: string): Promise<System> => {
  const load = async <T>(path: string): Promise<T> =>
    (await import(pathToFileURL(join(source, path)).href)) as T;
  return {
    kv: await load<KvModule>("kv/index.ts"),
    raft: await load<RaftModule>("raft/index.ts"),
    replica: await load<ReplicaModule>("replica/index.ts"),
    storage: {
      ...(await load<DiskModule>("storage/simulated-disk.ts")),
      ...(await load<FilesModule>("storage/simulated-files.ts")),
      ...(await load<StateModule>("storage/state/index.ts")),
      ...(await load<ClientModule>("storage/store-client.ts")),
      ...(await load<CoreModule>("storage/store-core.ts")),
      ...(await load<ServerModule>("storage/store-server.ts")),
    },
    codec: {
      ...(await load<PeerCodecModule>("transport/codec/peer-message.ts")),
      ...(await load<SegmentModule>("transport/codec/segment-writer.ts")),
    },
  };
};
