/** Runs every command of docs/api.md and compares what it prints. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { makeApi } from "./api.test-kit.ts";
import { makeFolder } from "./auth/auth.test-kit.ts";

const run = promisify(execFile);

interface Example {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
}

function readExamples(): readonly Example[] {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/api.md"), "utf8");
  const blocks = page.matchAll(/^```sh\n([\s\S]*?)^```\n\n^```text\n([\s\S]*?)^```$/gm);
  const examples = [...blocks].map(({ index, 1: command = "", 2: expected = "" }) => ({
    line: page.slice(0, index).split("\n").length,
    command,
    expected,
  }));
  assert.equal(examples.length, page.match(/^```sh$/gm)?.length, "every command shows its answer");
  return examples;
}

/** The expected text as a pattern: `…` stands for anything. */
const toPattern = (expected: string): RegExp => {
  const parts = expected.trimEnd().split("…");
  const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join("[\\s\\S]*?")}$`);
};

test("every command of docs/api.md answers as shown", async () => {
  await using api = await makeApi();
  using folder = makeFolder();
  const address = await api.server.listen("127.0.0.1:0");
  const token = api.bearer().slice("Bearer ".length);
  const env = { ...process.env, KV: `http://${address}`, TOKEN: token };
  const examples = readExamples();
  assert.ok(examples.length > 15);
  for (const { line, command, expected } of examples) {
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", command], {
      env,
      cwd: folder.path,
    });
    const printed = stdout.replaceAll("\r", "").trimEnd();
    assert.match(printed, toPattern(expected), `docs/api.md:${line}`);
  }
});

test("docs/api.md names every route", async () => {
  await using api = await makeApi();
  const page = readFileSync(join(import.meta.dirname, "../../../docs/api.md"), "utf8");
  const { paths } = (await api.server.app.inject({ url: "/openapi.json" })).json();
  const missing = Object.keys(paths).filter((path) => {
    const shown = path.replace("/v1/kv/{key}", "/v1/kv/app/config").replace(/\/demote$/, "");
    return !page.includes(shown);
  });
  assert.deepEqual(missing, []);
});
