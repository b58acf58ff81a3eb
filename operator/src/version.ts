/** The version of KVCluster, which stands once: in the package. */
import { readFileSync } from "node:fs";

const manifest: unknown = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);

const versionOf = (value: unknown): string => {
  const isManifest = typeof value === "object" && value !== null && "version" in value;
  if (isManifest && typeof value.version === "string") return value.version;
  throw new TypeError("package.json has no version");
};

/** For example `0.1.0`. */
export const version: string = versionOf(manifest);
