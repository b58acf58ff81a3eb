/** What ships beside our own code: who vouches for it, under which licence, and its list. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { productionPackages } from "../../scripts/dependencies.ts";

const root = join(import.meta.dirname, "../..");

test("no production dependency is deprecated, without integrity or under another licence", () => {
  const packages = productionPackages();
  assert.ok(packages.length > 50, `${packages.length} packages`);
  assert.deepEqual(
    packages.filter(({ faults }) => faults.length > 0),
    [],
  );
});

test("each kind of fault is found", () => {
  const good = { version: "1.0.0", license: "MIT", integrity: "sha512-x" };
  const faultsOf = (entry: object): readonly string[] | undefined =>
    productionPackages({ packages: { "node_modules/a": { ...good, ...entry } } })[0]?.faults;
  assert.deepEqual(faultsOf({}), []);
  assert.deepEqual(faultsOf({ license: "AGPL-3.0" }), ["licence AGPL-3.0"]);
  assert.deepEqual(faultsOf({ license: undefined }), ["licence none"]);
  assert.deepEqual(faultsOf({ integrity: undefined }), ["no integrity"]);
  assert.deepEqual(faultsOf({ deprecated: "use b" }), ["deprecated: use b"]);
  assert.deepEqual(faultsOf({ hasInstallScript: true }), ["runs a script when it is installed"]);
  assert.deepEqual(productionPackages({ packages: { "node_modules/a": { dev: true } } }), []);
});

test("versions are exact, and nothing of others runs at installation", () => {
  for (const folder of [".", "protocol", "node", "client", "operator"]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const wanted = { ...dependencies, ...devDependencies, ...optionalDependencies };
    for (const [name, version] of Object.entries(wanted)) {
      assert.match(String(version), /^(npm:@[\w./-]+@)?\d+\.\d+\.\d+$/, `${folder}: ${name}`);
    }
  }
  assert.match(readFileSync(join(root, ".npmrc"), "utf8"), /^ignore-scripts=true$/m);
});
