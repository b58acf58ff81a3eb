/** The configuration file of a node of the local cluster. Written anew at every start. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SecretFiles } from "./cluster-folder.ts";
import { LOCAL_HOST, type LocalNode } from "./launch-settings.ts";

/** YAML; every string is quoted as JSON, which YAML reads alike. */
export function nodeConfig(node: LocalNode, secrets: SecretFiles): string {
  const text = JSON.stringify;
  return `# Written by \`make run\` at every start; changes here are lost.
name: ${text(node.name)}
dataFolder: ${text(node.dataFolder)}
keyRingFile: ${text(secrets.keyRing)}
listen:
  http: ${text(`${LOCAL_HOST}:${node.httpPort}`)}
  peer: ${text(node.peerAddress)}
  metrics: ${text(`${LOCAL_HOST}:${node.metricsPort}`)}
advertise:
  peerAddress: ${text(node.peerAddress)}
  clientAddress: ${text(node.clientAddress)}
peers:
  secretFile: ${text(secrets.peerSecret)}
auth:
  keys:
    - name: "local"
      algorithm: "HS256"
      file: ${text(secrets.tokenSecret)}
      issuer: "kvcluster"
      audiences: ["kvcluster"]
      grants: "trusted"
`;
}

export function writeNodeConfig(node: LocalNode, secrets: SecretFiles): void {
  mkdirSync(node.folder, { recursive: true, mode: 0o700 });
  writeFileSync(node.configFile, nodeConfig(node, secrets), { mode: 0o600 });
}

/** Settings that the configuration file decides: the environment must not say otherwise. */
const decidedHere = [
  "KVCLUSTER_NAME",
  "KVCLUSTER_CONFIG",
  "KVCLUSTER_DATA_FOLDER",
  "KVCLUSTER_KEY_RING_FILE",
  "KVCLUSTER_PEERS_SECRET_FILE",
  "KVCLUSTER_AUTH_KEYS",
  "KVCLUSTER_LISTEN_",
  "KVCLUSTER_ADVERTISE_",
];

/**
 * The environment of a node: everything else may be set for all nodes at once. In a clone the code
 * that Node compiled is kept inside the clone, so that three nodes start as fast as one.
 */
export function nodeEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const modules = join(import.meta.dirname, "../../../node_modules");
  const cache = existsSync(modules)
    ? { NODE_COMPILE_CACHE: join(modules, ".cache/kvcluster-compiled") }
    : {};
  const passed = Object.entries(env).filter(
    ([name]) => !decidedHere.some((known) => name.startsWith(known)),
  );
  return { ...cache, ...Object.fromEntries(passed) };
}
