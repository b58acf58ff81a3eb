/** Renders docs/reference/configuration.md from the table of settings. */
import { type Setting, settings } from "./settings.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

const showDefault = (value: unknown): string => {
  if (value === undefined) return "required";
  return value === "" ? "empty" : `\`${String(value)}\``;
};

const boundsOf = (setting: Setting): string => {
  const minimum: unknown = Reflect.get(setting.schema, "minimum");
  const maximum: unknown = Reflect.get(setting.schema, "maximum");
  if (minimum !== undefined) return `${String(minimum)} – ${String(maximum)}`;
  const choices: unknown = Reflect.get(setting.schema, "anyOf");
  if (!Array.isArray(choices)) return "";
  return choices.map((choice) => `\`${String(Reflect.get(Object(choice), "const"))}\``).join(" ");
};

const row = (setting: Setting): string =>
  [
    "",
    `\`${setting.path}\``,
    cell(setting.description),
    setting.unit,
    showDefault(setting.default),
    cell(boundsOf(setting)),
    setting.reloads ? "yes" : "no",
    `\`${setting.variable}\``,
    "",
  ]
    .join(" | ")
    .trim();

const sectionOf = (setting: Setting): string =>
  setting.path.includes(".") ? setting.path.slice(0, setting.path.indexOf(".")) : "";

const header =
  "| Setting | Meaning | Unit | Default | Bounds | Reloads | Environment |\n" +
  "| --- | --- | --- | --- | --- | --- | --- |\n";

/** The page, ending in a newline. */
export function renderConfigReference(): string {
  const sections = [...new Set(settings.map(sectionOf))];
  const tables = sections.map((section) => {
    const rows = settings.filter((setting) => sectionOf(setting) === section).map(row);
    return `## ${section === "" ? "The node" : `\`${section}\``}\n\n${header}${rows.join("\n")}\n`;
  });
  return `<!-- Made by scripts/generators/configuration.ts from node/src/config. Do not edit. -->

# Configuration of a node

Settings come from a file (\`--config node.yaml\` or \`KVCLUSTER_CONFIG\`; YAML or JSON), then from
the environment, then from flags; a later source wins. A flag is the setting's name with two dashes:
\`--limits.keyBytesMax 1024\`. In a file, sections nest:

\`\`\`yaml
name: node-1
limits:
  keyBytesMax: 1024
\`\`\`

Unknown settings, values out of bounds and settings that contradict each other are refused at start,
each with its name and where it came from. Variables that Kubernetes sets for a Service named
\`kvcluster\` (\`KVCLUSTER_PORT\`, \`KVCLUSTER_SERVICE_HOST\`, …) are passed over. Settings hold
names of files with secrets, never a secret; \`kv status\` shows the effective ones. "Reloads" means
that a change of the file that is named is taken over without a restart.

${tables.join("\n")}`;
}
