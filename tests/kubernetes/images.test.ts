/** What is in the images: compiled code, production dependencies, and nothing else. */
import assert from "node:assert/strict";
import { globSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { mustRun } from "../e2e/kubernetes/kube.test-kit.ts";
import { isLab, reachKubernetes } from "../e2e/kubernetes/lab.test-kit.ts";

const root = join(import.meta.dirname, "../..");
const TAG = "images-test";
const BUILD_MS = 10 * 60_000;
/** What an image may add to its base; the binary of RocksDB is 13 MiB of the node's. */
const mebibytesMax = { node: 30, operator: 40 } as const;
const images = ["node", "operator"] as const;

const contexts = mkdtempSync(join(tmpdir(), "kvcluster-images-test-"));
const contextOf = (image: string): string => join(contexts, image);
const readJson = (path: string): Record<string, Record<string, string> | string> =>
  JSON.parse(readFileSync(join(root, path), "utf8"));

before(async () => {
  await reachKubernetes();
  const env = { ...process.env, TOOL: isLab() ? "lab" : "none", TAG, CONTEXTS: contexts };
  await mustRun("make", ["images"], { cwd: root, env, timeoutMs: BUILD_MS });
});

after(() => rmSync(contexts, { recursive: true, force: true }));

for (const image of images) {
  const app = join(contextOf(image), "app");
  const files = (): string[] =>
    globSync("**/*", { cwd: app }).filter((path) => lstatSync(join(app, path)).isFile());

  test(`the ${image} image has no dev dependency, source, test or map, and is small`, () => {
    const installed = new Set(
      globSync("**/node_modules/{*,@*/*}", { cwd: app }).map((path) =>
        path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      ),
    );
    assert.ok(installed.has("pino") && installed.has("typebox"), [...installed].join(" "));
    const workspaces = ["", "node/", "client/", "operator/", "protocol/"];
    const wanted = workspaces.flatMap((one) =>
      Object.keys(readJson(`${one}package.json`)["dependencies"] ?? {}),
    );
    for (const workspace of workspaces) {
      const manifest = readJson(`${workspace}package.json`);
      for (const name of Object.keys({
        ...Object(manifest["devDependencies"]),
        ...Object(manifest["optionalDependencies"]),
      })) {
        assert.ok(wanted.includes(name) || !installed.has(name), `${name} is in the image`);
      }
    }
    assert.equal(installed.has("prebuildify"), false, "what only builds");
    const odd = files().filter((path) => /\.(ts|map|cc|h|tsbuildinfo)$|\.test\.js$/.test(path));
    assert.deepEqual(odd, []);
    const bytes = files().reduce((sum, path) => sum + statSync(join(app, path)).size, 0);
    assert.ok(bytes < mebibytesMax[image] * 2 ** 20, `${bytes} bytes`);
  });

  test(`any user can read what is in the ${image} image, and none can change it`, () => {
    for (const path of globSync("**/*", { cwd: app })) {
      const stats = lstatSync(join(app, path));
      if (stats.isSymbolicLink()) continue;
      const readable = stats.isDirectory() ? 0o555 : 0o444;
      assert.equal(stats.mode & readable, readable, path);
      assert.equal(stats.mode & 0o022, 0, path);
    }
  });

  test(`the ${image} image tells what it is and runs as an ordinary user`, async (t) => {
    if (!isLab()) return t.skip("not the lab");
    const home = process.env["LAB_HOME"] ?? "/var/lib/kvlab";
    const store = ["--root", `${home}/buildah`, "--runroot", `${home}/buildah-run`];
    const name = `docker.io/kvcluster/${image}:${TAG}`;
    const given = [...store, "--storage-driver", "overlay", "inspect", "--type", "image", name];
    const { config } = JSON.parse(await mustRun("buildah", given)).OCIv1;
    assert.equal(config.User, "10001:10001");
    assert.deepEqual(config.Entrypoint, ["node", `/app/${image}/dist/main.js`]);
    const labels = Object.entries(config.Labels).map(([label, value]) => [
      label.replace("org.opencontainers.image.", ""),
      value,
    ]);
    const { title, version, revision, licenses } = Object.fromEntries(labels);
    assert.equal(title, `KVCluster ${image}`);
    assert.equal(version, readJson("package.json")["version"]);
    assert.match(revision, /^[0-9a-f]{40}$/);
    assert.equal(licenses, "Apache-2.0");
    return undefined;
  });
}

test("our packages mean their compiled code without a flag, and kv is on the path", async () => {
  const app = join(contextOf("node"), "app");
  const env = { PATH: `${app}/bin:${process.env["PATH"]}` };
  assert.match(await mustRun("kv", ["--help"], { env }), /Usage: kv/);
  const script = 'import("@kvcluster/client").then((m) => console.log(typeof m.KVStoreClient))';
  const said = await mustRun(process.execPath, ["-e", script], { env, cwd: join(app, "client") });
  assert.equal(said.trim(), "function");
});
