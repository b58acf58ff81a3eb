/**
 * A Prometheus that can follow ServiceMonitors. The one of the lab's addon is Debian's, which is
 * built without Kubernetes' service discovery: it refuses its configuration and ends as soon as
 * there is one ServiceMonitor. So one is built from source, once a machine, with that discovery
 * only, and takes the other's place.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type Kube, mustRun } from "./kube.test-kit.ts";
import { addPrometheus, imageInLab } from "./lab.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const sources = join(import.meta.dirname, "../prometheus");
const cache = join(homedir(), ".cache/kvcluster");
const image = "docker.io/kvcluster/prometheus:e2e";
/** Of the module that go.mod pins (v0.305.0); prometheus-operator chooses flags by it. */
const version = "v3.5.0";
const modulePath = "github.com/prometheus/prometheus";
/** Two cores and an empty build cache. */
const BUILD_MS = 30 * 60_000;
const READY_MS = 240_000;

async function buildInto(folder: string, binary: string): Promise<void> {
  const module = await mustRun("go", ["mod", "download", "-json", modulePath], {
    cwd: sources,
    timeoutMs: BUILD_MS,
  });
  const source = join(folder, "source");
  await cp(JSON.parse(module).Dir, source, { recursive: true });
  await mustRun("chmod", ["-R", "u+w", source]);
  for (const file of globSync("plugins/*.go", { cwd: source })) await rm(join(source, file));
  await cp(join(sources, "plugins.go.txt"), join(source, "plugins/plugins.go"));
  await cp(join(sources, "go.sum"), join(folder, "go.sum"));
  const goMod = await readFile(join(sources, "go.mod"), "utf8");
  await writeFile(join(folder, "go.mod"), `${goMod}\nreplace ${modulePath} => ./source\n`);
  const flags = ["-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", binary];
  await mustRun("go", ["build", ...flags, `${modulePath}/cmd/prometheus`], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: "0" },
    timeoutMs: BUILD_MS,
  });
}

/** @returns the program's path; built when these sources were not built here before */
async function prometheusProgram(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum", "plugins.go.txt"]) {
    hash.update(await readFile(join(sources, file)));
  }
  const program = join(cache, `prometheus-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  console.log("building Prometheus: some minutes on a new machine");
  const folder = await mkdtemp(join(tmpdir(), "kvcluster-prometheus-"));
  try {
    await buildInto(folder, join(folder, "prometheus"));
    await mkdir(cache, { recursive: true });
    await cp(join(folder, "prometheus"), `${program}.${process.pid}`);
    await rename(`${program}.${process.pid}`, program);
  } finally {
    await rm(folder, { recursive: true });
  }
  return program;
}

async function loadImage(): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "kvcluster-prometheus-image-"));
  try {
    await cp(join(sources, "Containerfile"), join(context, "Containerfile"));
    await cp(await prometheusProgram(), join(context, "prometheus"));
    await imageInLab(image, context);
  } finally {
    await rm(context, { recursive: true });
  }
}

const prometheus = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheuses/lab";

interface PrometheusPod {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The addon of the lab, with our program: it is there, ready, and runs our image. */
export async function bringPrometheus(kube: Kube): Promise<void> {
  await loadImage();
  // The addon waits for its own Prometheus to be ready, which it never is beside a ServiceMonitor:
  // it is exchanged while the addon waits. Applied again, the addon puts its own image back.
  const addon = { isDone: false };
  const adding = addPrometheus().finally(() => {
    addon.isDone = true;
  });
  const exchanging = becomes(
    "Prometheus runs our image",
    async () => {
      const wasDone = addon.isDone;
      if ((await kube.find(prometheus)) === null) return new NotYet("no Prometheus yet");
      await kube.patch(prometheus, { spec: { image, version } });
      const path = "/api/v1/namespaces/monitoring/pods/prometheus-lab-0";
      const { spec, status } = await kube.get<PrometheusPod>(path);
      const isOurs = spec.containers.some((container) => container.image === image);
      const isReady = status.conditions?.some(
        (condition) => condition.type === "Ready" && condition.status === "True",
      );
      const state = `addon done ${wasDone}, our image ${isOurs}, ready ${isReady}`;
      return wasDone && isOurs && isReady === true ? true : new NotYet(state);
    },
    { withinMs: READY_MS, everyMs: 2_000 },
  );
  await Promise.all([adding, exchanging]);
}
