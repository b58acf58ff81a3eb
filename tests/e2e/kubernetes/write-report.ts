/**
 * `make e2e-report`: puts what the last run measured into docs/e2e-report.md. Figures of a scenario
 * that ran more than once are those of its last run.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { type Measure, measuresFile } from "./report.test-kit.ts";

const root = join(import.meta.dirname, "../../..");
const GIB = 1_073_741_824;

function readMeasures(): readonly Measure[] {
  const lines = readFileSync(measuresFile, "utf8").trimEnd().split("\n");
  const byScenario = new Map<string, Measure>();
  for (const line of lines) {
    const measure: Measure = JSON.parse(line);
    byScenario.set(`${measure.area}/${measure.scenario}`, measure);
  }
  return [...byScenario.values()];
}

/** One table for each area: a row for each scenario. */
function section(area: string, measures: readonly Measure[]): string {
  const rows = measures.map(({ scenario, figures }) => {
    const told = Object.entries(figures).map(([what, value]) => `${what}: ${value}`);
    return `| ${scenario} | ${told.join("<br>")} |`;
  });
  return [`## ${area}`, "", "| Scenario | Measured |", "|---|---|", ...rows, ""].join("\n");
}

const measures = readMeasures();
const areas = [...new Set(measures.map(({ area }) => area))];
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).toString();
const machine = `${availableParallelism()} cores, ${Math.round(totalmem() / GIB)} GiB`;
const report = [
  "# End-to-end report",
  "",
  "Written by `make e2e-report` from the figures of its run; what each scenario does stands in the",
  "test of the same name under `tests/e2e/kubernetes/` and `tests/e2e-full/`.",
  "",
  `Commit ${commit.trim()}, ${new Date().toISOString().slice(0, 10)}, ${machine}; Kubernetes, its`,
  "nodes, the stores and their clients share this machine.",
  "",
  "*Write unavailability* is what a client beside the store felt through its Service: the sum",
  "of all pauses of more than 250 ms between two acknowledged writes of six writers. *Elections*",
  "is by how much the term grew. An *unknown outcome* is a write that was cut off: it may be there",
  "or not. Every *acknowledged* write was read back with its value and revision.",
  "",
  ...areas.map((area) =>
    section(
      area,
      measures.filter((measure) => measure.area === area),
    ),
  ),
];
writeFileSync(join(root, "docs/e2e-report.md"), report.join("\n"));
console.log(`docs/e2e-report.md: ${measures.length} scenarios`);
