/**
 * manifests/install.yaml: the operator's chart with its default values, for `kubectl apply`. It is
 * rendered by Helm where there is one. Where there is none, the hash of the chart in the
 * manifest's head tells whether it was rendered from the chart as it is: it is never skipped.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { GeneratedFile } from "../generator.ts";

const root = join(import.meta.dirname, "../..");
const chart = "charts/kvcluster-operator";
export const manifestPath = "manifests/install.yaml";
export const installNamespace = "kvcluster-system";
const release = "kvcluster-operator";
/** Counts as an input: raised when the way of rendering changes. */
const rendering = 1;

/** A Kubernetes object, as far as it is edited here. */
interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** A copy of the chart with the files that are being generated; `use` sees its folder. */
function withChart<T>(generated: readonly GeneratedFile[], use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "kvcluster-chart-"));
  try {
    cpSync(join(root, chart), join(folder, chart), { recursive: true });
    for (const { path, content } of generated.filter(({ path }) => path.startsWith(`${chart}/`))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    return use(join(folder, chart));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hashOf(folder: string): string {
  const hash = createHash("sha256").update(`rendering ${rendering}\n`);
  const files = globSync("**/*", { cwd: folder, withFileTypes: true }).filter((e) => e.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  for (const path of paths) {
    hash
      .update(`${path.slice(folder.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 32);
}

/** Helm's path, or null: on the PATH, else the lab's. */
export function findHelm(env: Readonly<NodeJS.ProcessEnv> = process.env): string | null {
  const folders = [
    ...(env["PATH"] ?? "").split(":"),
    join(env["LAB_HOME"] ?? "/var/lib/kvlab", "bin"),
  ];
  return folders.map((f) => join(f, "helm")).find((path) => existsSync(path)) ?? null;
}

/** Without what only a Helm release has. */
function withoutHelm(object: Rendered): Rendered {
  const drop = (map: Readonly<Record<string, string>> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.entries(map).filter(
        ([key]) => !key.startsWith("helm.sh/") && key !== "app.kubernetes.io/managed-by",
      ),
    );
  const { labels, annotations, ...metadata } = object.metadata;
  const kept = drop(annotations);
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: drop(labels),
      ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
    },
  };
}

/** The same for labels of a pod template, which are the operator's own. */
function cleaned(object: Rendered): Rendered {
  const made = withoutHelm(object);
  const { spec } = made;
  if (typeof spec !== "object" || spec === null || !("template" in spec)) return made;
  const template = withoutHelm({ ...made, ...Object(spec.template) });
  return {
    ...made,
    spec: { ...spec, template: { metadata: template.metadata, spec: template["spec"] } },
  };
}

const namespace: Rendered = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name: installNamespace,
    labels: {
      "app.kubernetes.io/part-of": "kvcluster",
      "pod-security.kubernetes.io/enforce": "restricted",
    },
  },
};

function render(helm: string, folder: string): readonly Rendered[] {
  const flags = ["--namespace", installNamespace, "--skip-tests", "--kube-version", "1.37.0"];
  const text = execFileSync(helm, ["template", release, folder, ...flags], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 16 * 1024 * 1024,
  });
  const objects = parseAllDocuments(text).flatMap((document): Rendered[] => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const object: Rendered | null = document.toJS();
    return object === null ? [] : [cleaned(object)];
  });
  return [namespace, ...objects];
}

const head = (hash: string): string =>
  `# The operator, rendered from ${chart} by \`make generate\`. Do not edit.
# kubectl apply -f ${manifestPath}
# chart ${hash}
`;

export const hashIn = (manifest: string): string | null =>
  /^# chart ([0-9a-f]{32})$/m.exec(manifest)?.[1] ?? null;

/** The hash of the chart on disk with what is being generated for it. */
export const chartHash = (generated: readonly GeneratedFile[]): string =>
  withChart(generated, hashOf);

/** @throws Error without Helm when the manifest was rendered from another chart */
export function installManifest(generated: readonly GeneratedFile[]): GeneratedFile {
  return withChart(generated, (folder) => {
    const hash = hashOf(folder);
    const helm = findHelm();
    if (helm === null) return asOnDisk(hash);
    const documents = render(helm, folder).map((object) =>
      stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
    );
    return { path: manifestPath, content: `${head(hash)}---\n${documents.join("---\n")}` };
  });
}

function asOnDisk(hash: string): GeneratedFile {
  const path = join(root, manifestPath);
  const content = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (hashIn(content) === hash) {
    console.log(`${manifestPath}: no helm here, so its chart's hash is compared, not its text`);
    return { path: manifestPath, content };
  }
  throw new Error(
    `${manifestPath} was rendered from another state of ${chart}, and there is no helm on the ` +
      "PATH to render it anew: install Helm 3 or 4 (the lab has one) and run `make generate`",
  );
}
