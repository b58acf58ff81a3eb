import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, test } from "node:test";
import { type Report, repeatFailures, report, totalsLine } from "./test-report.ts";

/** Runs files with these contents as the real runner would, and returns totals and output. */
async function runFiles(contents: readonly string[]): Promise<{ totals: Report; text: string }> {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-report-"));
  const files = contents.map((content, i) => {
    const path = join(folder, `case-${i}.test.mjs`);
    writeFileSync(path, `import { describe, test } from "node:test";\n${content}\n`);
    return path;
  });
  let text = "";
  const out = { write: (chunk: string) => (text += chunk) };
  try {
    // Each test file is a child of the runner; run() refuses to nest while this is set.
    delete process.env["NODE_TEST_CONTEXT"];
    const totals = await report(run({ files }), folder, out);
    return { totals, text };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("passes, failures and skips are counted once, however deep they are", async () => {
  const nested = `describe("outer", () => {
    test("good", () => {});
    test("bad", () => { throw new Error("told in full"); });
    test("left out", { skip: "no disk" }, () => {});
  });`;
  const { totals, text } = await runFiles([nested, `test("fine", () => {});`]);
  const { failures, ...counts } = totals;
  assert.deepEqual(counts, { tests: 4, pass: 2, fail: 1, skipped: 1 });
  assert.equal(failures.length, 1);
  assert.ok(text.includes(failures[0] ?? "none"));
  assert.match(text, /✖ bad\n {2}at case-0\.test\.mjs:\d+\n[\s\S]*told in full/);
  assert.match(text, /left out \(skipped: no disk\)/);
  assert.match(text, /✔ case-1\.test\.mjs \(1 test, /);
});

test("a file without tests and a file that crashes are failures", async () => {
  const { totals, text } = await runFiles(["", `throw new Error("at the top");`]);
  const { failures, ...counts } = totals;
  assert.deepEqual(counts, { tests: 2, pass: 0, fail: 2, skipped: 0 });
  assert.equal(failures.length, 2);
  assert.match(failures.join(""), /case-0\.test\.mjs contains no test/);
  assert.match(failures.join(""), /at case-1\.test\.mjs/);
  assert.match(text, /case-0\.test\.mjs contains no test/);
  assert.match(text, /at the top/);
});

test("failures are repeated by their beginnings, and what is left out is counted", () => {
  const long = ["", "✖ long", ...Array.from({ length: 30 }, (_, i) => `  line ${i}`)].join("\n");
  const repeated = repeatFailures(["\n✖ short\n  at a.test.ts:1\n\n", long]);
  assert.match(repeated, /^✖ short\n {2}at a\.test\.ts:1\n\n✖ long\n/);
  assert.match(repeated, /line 14\n {2}\(15 more lines above\)\n$/);
});

test("the last line is the form that machines read", () => {
  const line = totalsLine({ tests: 3, pass: 1, fail: 1, skipped: 1 });
  assert.equal(line, "tests 3 pass 1 fail 1 skipped 1");
});
