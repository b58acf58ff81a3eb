/**
 * A disk whose power can be cut: an XFS file system of its own on a loop device. Its shutdown ioctl
 * without a log flush drops at once all that was not synced (dirty pages, delayed allocations, log
 * items in memory), and nothing more reaches the disk; mounting it again recovers the log, as a
 * machine does that comes back. It can also be frozen, as a disk that stalls.
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const MIB = 1_048_576;
/** The file is sparse: only what was written takes space. XFS wants 300 MiB. */
const DISK_BYTES = 2_048 * MIB;
const TOOLS: readonly string[] = ["mkfs.xfs", "xfs_io", "xfs_freeze", "mount", "umount"];

const run = promisify(execFile);

/** Why there can be no such disk here; null when there can. */
export function whyNoPowerLoss(): string | null {
  if (process.getuid?.() !== 0) return "only root may mount a file system";
  const folders = (process.env["PATH"] ?? "").split(":").concat("/usr/sbin", "/sbin");
  const missing = TOOLS.filter((tool) => !folders.some((at) => existsSync(join(at, tool))));
  if (missing.length > 0) return `${missing.join(", ")} not found (Debian's xfsprogs)`;
  return whyNoMount();
}

/** A container may have root and the tools and still not be allowed to mount. */
function whyNoMount(): string | null {
  const folder = join("/tmp", `kvcluster-mount-${process.pid}`);
  try {
    const disk = new PowerLossDisk(folder);
    disk.remove();
    return null;
  } catch (error) {
    return `no XFS can be mounted here: ${error instanceof Error ? error.message : error}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export class PowerLossDisk {
  readonly #image: string;
  readonly #mount: string;
  #isMounted = false;
  #isFrozen = false;
  readonly #removeAtExit = (): void => this.remove();

  /** @param folder gets the image and the mount point */
  constructor(folder: string) {
    this.#image = join(folder, "disk.xfs");
    this.#mount = join(folder, "disk");
    mkdirSync(this.#mount, { recursive: true });
    writeFileSync(this.#image, "");
    truncateSync(this.#image, DISK_BYTES);
    execFileSync("mkfs.xfs", ["-q", this.#image]);
    execFileSync("mount", ["-o", "loop", this.#image, this.#mount]);
    this.#isMounted = true;
    process.once("exit", this.#removeAtExit);
  }

  /** A folder on the disk for a node's data. */
  get data(): string {
    return join(this.#mount, "data");
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** From here on nothing reaches the disk; every call on it fails. Then end the processes. */
  async cutPower(): Promise<void> {
    await run("xfs_io", ["-x", "-c", "shutdown", this.#mount]);
  }

  /** After `cutPower`, when no process has a file open any more: what was synced is back. */
  async comeBack(): Promise<void> {
    await run("umount", [this.#mount]);
    this.#isMounted = false;
    await run("mount", ["-o", "loop", this.#image, this.#mount]);
    this.#isMounted = true;
  }

  /** Every write and sync waits until `thaw`. A process that waits cannot be killed. */
  async freeze(): Promise<void> {
    await run("xfs_freeze", ["-f", this.#mount]);
    this.#isFrozen = true;
  }

  async thaw(): Promise<void> {
    if (!this.#isFrozen) return;
    await run("xfs_freeze", ["-u", this.#mount]);
    this.#isFrozen = false;
  }

  remove(): void {
    process.off("exit", this.#removeAtExit);
    if (this.#isFrozen) execFileSync("xfs_freeze", ["-u", this.#mount]);
    if (this.#isMounted) execFileSync("umount", ["--lazy", this.#mount]);
    this.#isFrozen = false;
    this.#isMounted = false;
    rmSync(this.#image, { force: true });
  }
}
