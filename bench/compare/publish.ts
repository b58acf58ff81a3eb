/** Puts what was measured into docs/benchmarks.md, each part between marks of its own. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DOCUMENT = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

/** The part that is simulated has a command of its own. */
const commandOf = (name: string): string => (name === "cost" ? "make bench-scale" : "make bench");
const begin = (name: string): string => `<!-- begin ${name}: written by ${commandOf(name)} -->`;
const end = (name: string): string => `<!-- end ${name} -->`;

/** What stands between the marks of a part; empty when the document has none. */
export const publishedText = (name: string): string => {
  const document = readFileSync(DOCUMENT, "utf8");
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end(name));
  return from === -1 || to < from ? "" : document.slice(from + begin(name).length, to).trim();
};

/** @throws Error when the document has no marks for the part */
export const publish = (name: string, text: string): void => {
  const document = readFileSync(DOCUMENT, "utf8");
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end(name));
  if (from === -1 || to < from) {
    throw new Error(`docs/benchmarks.md has no "${begin(name)}" before "${end(name)}"`);
  }
  const head = document.slice(0, from + begin(name).length);
  writeFileSync(DOCUMENT, `${head}\n\n${text.trim()}\n\n${document.slice(to)}`);
};

const git = (...command: readonly string[]): string =>
  execFileSync("git", command, { encoding: "utf8", cwd: import.meta.dirname }).trim();

/** The commit that is measured, with a plus when product or benchmark differ from it. */
export const commitMeasured = (): string => {
  try {
    const paths = ["node", "client", "protocol", "bench", "package-lock.json"];
    const top = git("rev-parse", "--show-toplevel");
    const changes = git("-C", top, "status", "--porcelain", "--untracked-files=no", "--", ...paths);
    return `${git("rev-parse", "--short", "HEAD")}${changes === "" ? "" : "+"}`;
  } catch {
    return "unknown";
  }
};
