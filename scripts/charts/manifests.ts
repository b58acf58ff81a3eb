/**
 * Manifests for `kubectl apply`, rendered from the operator's chart by Helm where there is one.
 * Where there is none, the hash of the chart in a manifest's head tells whether it was rendered
 * from the chart as it is: the check is never skipped.
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
const installNamespace = "kvcluster-system";
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

interface Manifest {
  readonly path: string;
  readonly values: readonly string[];
  readonly choose: (objects: readonly Rendered[]) => readonly Rendered[];
}

const manifests: readonly Manifest[] = [
  {
    path: "manifests/install.yaml",
    values: [],
    choose: (objects) => [namespace, ...objects],
  },
  {
    path: "manifests/monitoring/operator.yaml",
    values: ["monitoring.serviceMonitor.enabled=true", "monitoring.prometheusRule.enabled=true"],
    choose: (objects) =>
      objects.filter(({ apiVersion }) => apiVersion.startsWith("monitoring.coreos.com/")),
  },
];

export const manifestPaths: readonly string[] = manifests.map(({ path }) => path);

interface Renderer {
  readonly helm: string;
  readonly folder: string;
}

function render({ helm, folder }: Renderer, { values, choose }: Manifest): readonly Rendered[] {
  const set = values.flatMap((value) => ["--set", value]);
  const place = ["--namespace", installNamespace, "--kube-version", "1.37.0"];
  const flags = ["--skip-tests", ...place, ...set];
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
  return choose(objects);
}

const head = (path: string, hash: string): string =>
  `# Rendered from ${chart} by \`make generate\`. Do not edit.
# kubectl apply -f ${path}
# chart ${hash}
`;

export const hashIn = (manifest: string): string | null =>
  /^# chart ([0-9a-f]{32})$/m.exec(manifest)?.[1] ?? null;

/** The hash of the chart on disk with what is being generated for it. */
export const chartHash = (generated: readonly GeneratedFile[]): string =>
  withChart(generated, hashOf);

/** @throws Error without Helm when a manifest was rendered from another chart */
export function chartManifests(generated: readonly GeneratedFile[]): readonly GeneratedFile[] {
  return withChart(generated, (folder) => {
    const hash = hashOf(folder);
    const helm = findHelm();
    return manifests.map((manifest) => {
      const { path } = manifest;
      if (helm === null) return asOnDisk(path, hash);
      const documents = render({ helm, folder }, manifest).map((object) =>
        stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
      );
      return { path, content: `${head(path, hash)}---\n${documents.join("---\n")}` };
    });
  });
}

function asOnDisk(path: string, hash: string): GeneratedFile {
  const file = join(root, path);
  const content = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (hashIn(content) === hash) {
    console.log(`${path}: no helm here, so its chart's hash is compared, not its text`);
    return { path, content };
  }
  throw new Error(
    `${path} was rendered from another state of ${chart}, and there is no helm on the PATH to ` +
      "render it anew: install Helm 3 or 4 (the lab has one) and run `make generate`",
  );
}
