/**
 * Runs every script of this folder and compares all that happened with what is recorded there.
 * `UPDATE=1` records anew; assertions must hold even then.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ScriptRunner } from "./runner.ts";
import { type Block, parseScript, printScript } from "./script.ts";

const isUpdating = process.env["UPDATE"] === "1";
const scripts = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt"));

for (const name of scripts.sort()) {
  const path = join(import.meta.dirname, name);
  test(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
    const text = readFileSync(path, "utf8");
    const blocks = parseScript(text);
    assert.ok(blocks.length > 0, `${name} has no commands`);
    const asserted = blocks
      .flatMap(({ commands }) => commands)
      .filter((one) => one.startsWith("assert "));
    assert.ok(asserted.length > 0, `${name} asserts nothing`);
    const runner = new ScriptRunner();
    const recorded = blocks.map((block) => runBlock(runner, block, name));
    if (isUpdating) writeFileSync(path, printScript(recorded));
    else assert.equal(printScript(recorded), text, `${name}: UPDATE=1 shows the difference`);
  });
}

function runBlock(runner: ScriptRunner, block: Block, name: string): Block {
  try {
    const output = block.commands.flatMap((command) => {
      const lines = runner.run(command);
      if (lines.length === 1 && (lines[0] === "ok" || lines[0] === "holds")) return [];
      return block.commands.length === 1 ? lines : [`> ${command}`, ...lines];
    });
    return { ...block, output: output.length === 0 ? ["ok"] : output };
  } catch (cause) {
    throw new Error(`${name}:${block.line}: ${(cause as Error).message}`, { cause });
  }
}
