/**
 * Which branches of the core a run took, from V8's own block coverage. Types are stripped in place,
 * so V8's offsets are those of the source. What several processes ran adds up.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { shippedSource } from "../system.test-kit.ts";

export const root: string = join(shippedSource, "../..");
const core = join(shippedSource, "raft");
/** Checks that look from outside and never run in the product. */
const NOT_CORE = "invariants.ts";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** A branch: from where it begins to where it ends in its file. */
export interface Branch {
  /** Below node/src/raft. */
  readonly file: string;
  readonly line: number;
  readonly source: string;
}

interface Painted {
  /** Below node/src/raft. */
  readonly path: string;
  readonly text: string;
  /** 1 where some process ran the character. */
  readonly ran: Uint8Array;
  /** `start-end` of every branch that any process told of. */
  readonly branches: Set<string>;
}

export class CoreCoverage {
  readonly #files = new Map<string, Painted>();

  /** Runs a command with this repository's Node and adds what it covered. */
  async run(parameters: readonly string[]): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "kvcluster-coverage-"));
    try {
      const output = await execute(parameters, folder);
      for (const name of await readdir(folder)) {
        const text = await readFile(join(folder, name), "utf8");
        const { result } = JSON.parse(text) as { readonly result: readonly ScriptCoverage[] };
        for (const script of result) await this.#add(script);
      }
      return output;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** What either of the two took. */
  static union(one: CoreCoverage, other: CoreCoverage): CoreCoverage {
    const both = new CoreCoverage();
    for (const { path, text, ran, branches } of [
      ...one.#files.values(),
      ...other.#files.values(),
    ]) {
      const known = both.#files.get(path);
      const painted = known ?? { path, text, ran: new Uint8Array(ran.length), branches: new Set() };
      both.#files.set(path, painted);
      for (const branch of branches) painted.branches.add(branch);
      ran.forEach((hasRun, at) => {
        if (hasRun === 1) painted.ran[at] = 1;
      });
    }
    return both;
  }

  /** Branches of the core that were seen at all. */
  get total(): number {
    let total = 0;
    for (const { branches } of this.#files.values()) total += branches.size;
    return total;
  }

  /** Branches that nothing ran, without those inside of another such branch. */
  untaken(): readonly Branch[] {
    return [...this.#files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([file, painted]) => untakenIn(file, painted));
  }

  async #add({ url, functions }: ScriptCoverage): Promise<void> {
    if (!url.startsWith("file:")) return;
    const path = fileURLToPath(url);
    const file = relative(core, path);
    if (file.startsWith("..") || /\.test(-kit)?\.ts$/.test(file) || file === NOT_CORE) return;
    const painted = this.#files.get(file) ?? (await blank(path, file));
    this.#files.set(file, painted);
    const ranNow = new Uint8Array(painted.text.length);
    // Outer functions and blocks come before those inside of them.
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        ranNow.fill(count > 0 ? 1 : 0, startOffset, endOffset);
        painted.branches.add(`${startOffset}-${endOffset}`);
      }
    }
    ranNow.forEach((ran, at) => {
      if (ran === 1) painted.ran[at] = 1;
    });
  }
}

const blank = async (file: string, path: string): Promise<Painted> => {
  const text = await readFile(file, "utf8");
  return { path, text, ran: new Uint8Array(text.length), branches: new Set() };
};

const untakenIn = (file: string, { text, ran, branches }: Painted): Branch[] => {
  const ranges = [...branches]
    .map((range) => range.split("-").map(Number) as [number, number])
    .filter(([start, end]) => !ran.subarray(start, end).includes(1))
    .sort(([a, b], [c, d]) => a - c || d - b);
  let covered = 0;
  const outermost = ranges.filter(([, end]) => {
    const isInside = end <= covered;
    covered = Math.max(covered, end);
    return !isInside;
  });
  return outermost.map(([start, end]) => ({
    file,
    line: text.slice(0, start).split("\n").length,
    source: text.slice(start, end).trim().replace(/\s+/g, " "),
  }));
};

const execute = (parameters: readonly string[], folder: string): Promise<string> => {
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  const env = { ...rest, NODE_V8_COVERAGE: folder };
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env, maxBuffer: 2 ** 28 };
    execFile(process.execPath, [...parameters], options, (error, output) => {
      if (error === null) resolve(output);
      else reject(new Error(`node ${parameters.join(" ")}: ${output.slice(-2000)}`));
    });
  });
};
