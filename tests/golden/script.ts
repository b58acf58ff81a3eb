/**
 * Reads and writes golden scripts. A script is plain text: comments (`#`), and blocks of commands,
 * a line `----`, and the output recorded for them, up to an empty line.
 */

export interface Block {
  /** Comment and empty lines before the commands, kept as they are. */
  readonly preface: readonly string[];
  readonly commands: readonly string[];
  readonly output: readonly string[];
  /** Line of the first command, from 1. */
  readonly line: number;
}

const SEPARATOR = "----";

export function parseScript(text: string): readonly Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  let at = 0;
  const takeWhile = (isWanted: (line: string) => boolean): string[] => {
    const taken: string[] = [];
    for (; at < lines.length && isWanted(lines[at] ?? ""); at += 1) taken.push(lines[at] ?? "");
    return taken;
  };
  while (at < lines.length) {
    const preface = takeWhile((line) => line === "" || line.startsWith("#"));
    const line = at + 1;
    const commands = takeWhile((one) => one !== SEPARATOR && one !== "");
    if (commands.length === 0) break;
    const hasOutput = lines[at] === SEPARATOR;
    if (hasOutput) at += 1;
    const output = hasOutput ? takeWhile((one) => one !== "") : [];
    blocks.push({ preface, commands, output, line });
  }
  return blocks;
}

export function printScript(blocks: readonly Block[]): string {
  const parts = blocks.map((block, at) => {
    const preface = at > 0 && block.preface[0] !== "" ? ["", ...block.preface] : block.preface;
    return [...preface, ...block.commands, SEPARATOR, ...block.output].join("\n");
  });
  return `${parts.join("\n")}\n`;
}
