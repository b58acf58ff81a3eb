/**
 * The twin of the real file system, in memory: a crash loses what was not synced, wholly or in
 * part, names included; writes and syncs fail on demand; bits flip. Everything random comes from
 * the generator it is given, so one seed replays one history.
 */
import { ioError } from "./errors.ts";
import type { Files, OpenFile } from "./files.ts";
import { SECTOR_BYTES, SimulatedInode } from "./simulated-file.ts";

/** Thrown in place of the operation at which the power fails; only `crash()` heals it. */
export class SimulatedCrash extends Error {
  override readonly name = "SimulatedCrash";
}

type SimulatedNode = SimulatedInode | SimulatedFolder;
type NameOperation = (names: Map<string, SimulatedNode>) => void;

class SimulatedFolder {
  readonly type = "folder";
  names: Map<string, SimulatedNode> = new Map();
  #durable: Map<string, SimulatedNode> = new Map();
  #pending: NameOperation[] = [];

  change(operation: NameOperation): void {
    operation(this.names);
    this.#pending.push(operation);
  }

  sync(): void {
    for (const operation of this.#pending) operation(this.#durable);
    this.#pending = [];
  }

  crash(random: () => number): void {
    for (const operation of this.#pending) if (random() < 0.5) operation(this.#durable);
    this.#pending = [];
    this.names = new Map(this.#durable);
    for (const node of this.names.values()) node.crash(random);
  }
}

export type FaultyOperation = "write" | "sync";

const systemError = (code: string): Error =>
  Object.assign(new Error(`${code}: simulated`), { code });

/** What a call throws; undefined when it returns. */
const errorOf = (call: () => void): unknown => {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
};

export class SimulatedFiles implements Files {
  readonly #root = new SimulatedFolder();
  readonly #random: () => number;
  readonly #failures: { operation: FaultyOperation; code: string }[] = [];
  #life = 0;
  #operations = 0;
  #crashAt = Number.POSITIVE_INFINITY;
  #capacityBytes = Number.POSITIVE_INFINITY;
  #writtenBytes = 0;
  #misdirectBy = 0;
  #deferSync: (perform: () => void) => void = (perform) => perform();

  /** @param random numbers in [0, 1) of a seeded generator */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Operations so far that change the disk: writes, syncs, creations, renames, removals. */
  get operations(): number {
    return this.#operations;
  }

  /** The power fails at the `count`-th change from now: before it, or after it but unsynced. */
  crashAfter(count: number): void {
    this.#crashAt = this.#operations + count;
  }

  /** Loses what was not durable and closes every file of the life before. */
  crash(): void {
    this.#life += 1;
    this.#crashAt = Number.POSITIVE_INFINITY;
    this.#failures.length = 0;
    this.#root.crash(this.#random);
  }

  /** The next write or sync fails with this system error, for example ENOSPC or EIO. */
  failNext(operation: FaultyOperation, code: string): void {
    this.#failures.push({ operation, code });
  }

  /** Every write past so many more bytes fails with ENOSPC, partly done. */
  limitCapacity(bytes: number): void {
    this.#writtenBytes = 0;
    this.#capacityBytes = bytes;
  }

  /** The next write lands so many bytes further on, as from a disk that seeks wrongly. */
  misdirectNextWrite(byBytes: number): void {
    this.#misdirectBy = byBytes;
  }

  /** Has `syncLater` take its time: `defer` calls what it is given, later or never. */
  deferSyncs(defer: (perform: () => void) => void): void {
    this.#deferSync = defer;
  }

  flipBit(path: string, offset: number, bit: number): void {
    this.#file(path).flipBit(offset, bit);
  }

  create(path: string): OpenFile {
    const { folder, name } = this.#parent(path);
    if (folder.names.has(name)) throw ioError(`create ${path}`, systemError("EEXIST"));
    const inode = new SimulatedInode();
    this.#change(() => folder.change((names) => names.set(name, inode)));
    return this.#handle(path, inode);
  }

  open(path: string): OpenFile {
    return this.#handle(path, this.#file(path));
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  list(folder: string): readonly string[] {
    return [...this.#folder(folder).names.keys()].sort();
  }

  makeFolder(path: string): void {
    const { folder, name } = this.#parent(path);
    if (folder.names.has(name)) return;
    const made = new SimulatedFolder();
    this.#change(() => folder.change((names) => names.set(name, made)));
  }

  rename(from: string, to: string): void {
    const source = this.#parent(from);
    const target = this.#parent(to);
    const node = source.folder.names.get(source.name);
    if (node === undefined) throw ioError(`rename ${from}`, systemError("ENOENT"));
    if (source.folder !== target.folder) throw ioError(`rename ${from}`, systemError("EXDEV"));
    this.#change(() =>
      target.folder.change((names) => {
        names.delete(source.name);
        names.set(target.name, node);
      }),
    );
  }

  unlink(path: string): void {
    this.#file(path);
    this.#remove(path);
  }

  removeTree(folder: string): void {
    if (this.exists(folder)) this.#remove(folder);
  }

  syncFolder(folder: string): void {
    const found = this.#folder(folder);
    this.#change(() => {
      this.#fail("sync", `fsync folder ${folder}`);
      found.sync();
    });
  }

  #handle(path: string, inode: SimulatedInode): OpenFile {
    const life = this.#life;
    let isOpen = true;
    const alive = (): SimulatedInode => {
      if (!isOpen || life !== this.#life) throw ioError(`use ${path}`, systemError("EBADF"));
      return inode;
    };
    const sync = (): void => {
      const target = alive();
      this.#change(() => {
        const failure = errorOf(() => this.#fail("sync", `fdatasync ${path}`));
        if (failure === undefined) target.sync();
        else {
          target.failSync();
          throw failure;
        }
      });
    };
    return {
      path,
      size: () => alive().size,
      read: (into, offset) => alive().read(into, offset),
      write: (chunks, offset) => {
        const target = alive();
        this.#change(() => this.#write(path, target, { chunks, offset }));
      },
      truncate: (size) => {
        const target = alive();
        this.#change(() => target.truncate(size));
      },
      sync,
      syncLater: (done) => this.#deferSync(() => done(errorOf(sync))),
      close: () => {
        isOpen = false;
      },
    };
  }

  #write(
    path: string,
    inode: SimulatedInode,
    write: { readonly chunks: readonly Uint8Array[]; readonly offset: number },
  ): void {
    this.#fail("write", `write at ${write.offset} of ${path}`);
    const bytes = Buffer.concat(write.chunks);
    const at = write.offset + this.#misdirectBy;
    this.#misdirectBy = 0;
    const limit = at + Math.max(0, this.#capacityBytes - this.#writtenBytes);
    this.#writtenBytes += bytes.length;
    // File systems give space by blocks: a write that is cut short ends at a sector's border.
    const fits = at + bytes.length <= limit;
    const end = fits ? at + bytes.length : limit - (limit % SECTOR_BYTES);
    inode.write(at, bytes.subarray(0, Math.max(0, end - at)));
    if (!fits) throw ioError(`write at ${at} of ${path}`, systemError("ENOSPC"));
  }

  #change(perform: () => void): void {
    this.#operations += 1;
    const isBefore = this.#operations < this.#crashAt;
    if (isBefore || (this.#operations === this.#crashAt && this.#random() < 0.5)) perform();
    if (isBefore) return;
    throw new SimulatedCrash(`the power failed at operation ${this.#operations}`);
  }

  #fail(operation: FaultyOperation, attempted: string): void {
    const next = this.#failures.findIndex((failure) => failure.operation === operation);
    if (next === -1) return;
    const [failure] = this.#failures.splice(next, 1);
    if (failure !== undefined) throw ioError(attempted, systemError(failure.code));
  }

  #remove(path: string): void {
    const { folder, name } = this.#parent(path);
    this.#change(() => folder.change((names) => names.delete(name)));
  }

  #parent(path: string): { folder: SimulatedFolder; name: string } {
    const cut = path.lastIndexOf("/");
    return { folder: this.#folder(path.slice(0, Math.max(0, cut))), name: path.slice(cut + 1) };
  }

  #folder(path: string): SimulatedFolder {
    const node = this.#find(path);
    if (node?.type !== "folder") throw ioError(`open folder ${path}`, systemError("ENOENT"));
    return node;
  }

  #file(path: string): SimulatedInode {
    const node = this.#find(path);
    if (node?.type !== "file") throw ioError(`open ${path}`, systemError("ENOENT"));
    return node;
  }

  #find(path: string): SimulatedNode | undefined {
    let node: SimulatedNode | undefined = this.#root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      if (node?.type !== "folder") return undefined;
      node = node.names.get(name);
    }
    return node;
  }
}
