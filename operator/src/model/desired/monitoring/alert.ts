/** What an alert is, and how it becomes a rule of Prometheus. */
import type { Json, JsonObject } from "../../api/json.ts";

/** `critical`: the store does not serve or is about to lose something; somebody is woken. */
export type Severity = "critical" | "warning";

export interface Alert {
  /** Also the name of its runbook. */
  readonly name: string;
  readonly severity: Severity;
  /** PromQL; it has a result while something is wrong. */
  readonly expression: string;
  /** It must be so for this long: a duration of Prometheus; `0s`: at once. */
  readonly after: string;
  /** One line; templates of Prometheus are allowed. */
  readonly summary: string;
  /** What it means and the figure that shows it. */
  readonly description: string;
}

/** Where an alert's runbook is, from the root of the repository. */
export const runbookOf = (alert: string): string => `docs/operations/runbooks/${alert}.md`;

export const alertingRule = (alert: Alert): JsonObject => ({
  alert: alert.name,
  expr: alert.expression,
  for: alert.after,
  labels: { severity: alert.severity },
  annotations: {
    summary: alert.summary,
    description: alert.description,
    runbook_url: runbookOf(alert.name),
  },
});

/** The `groups` of a rule file. */
export const ruleGroups = (groups: Readonly<Record<string, readonly Alert[]>>): readonly Json[] =>
  Object.entries(groups).map(([name, alerts]) => ({ name, rules: alerts.map(alertingRule) }));
