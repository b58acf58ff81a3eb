/** What `make run` shows once the cluster stands: addresses, the token, lines to paste. Pure. */
import { relative } from "node:path";
import { LOCAL_HOST, type LocalNode } from "./launch-settings.ts";

export interface ScreenParts {
  readonly nodes: readonly (LocalNode & { readonly pid: number | null })[];
  readonly balancer: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly dataFolder: string;
  readonly cwd: string;
}

export function describeCluster(parts: ScreenParts): string[] {
  const { balancer, nodes, token, cwd } = parts;
  const place = (path: string): string => {
    const below = relative(cwd, path);
    return below.startsWith("..") ? path : below || ".";
  };
  const rows = nodes.map((node) => [
    node.name,
    node.clientAddress,
    node.peerAddress,
    `http://${LOCAL_HOST}:${node.metricsPort}/metrics`,
    String(node.pid ?? "-"),
  ]);
  const header = ["", "HTTP", "peers", "metrics", "process"];
  const balancerRow = ["balancer", balancer, "", `${balancer}/balancer/status`, ""];
  const isDefault =
    balancer === "http://127.0.0.1:6000" && place(parts.tokenFile) === ".data/token";
  const flags = isDefault ? "" : ` --endpoints ${balancer} --token-file ${place(parts.tokenFile)}`;
  return [
    "",
    ...table([header, ...rows, balancerRow]).map((line) => `  ${line}`),
    "",
    `A token that may do everything (also in ${place(parts.tokenFile)}):`,
    "",
    `export KV_TOKEN=${token}`,
    "",
    "Try:",
    "",
    `curl -H "Authorization: Bearer $KV_TOKEN" -X PUT -d 'hello' ${balancer}/v1/kv/greeting`,
    `curl -H "Authorization: Bearer $KV_TOKEN" -i ${balancer}/v1/kv/greeting`,
    `curl -H "Authorization: Bearer $KV_TOKEN" "${balancer}/v1/kv?prefix=greet"`,
    `curl -H "Authorization: Bearer $KV_TOKEN" ${balancer}/v1/cluster`,
    `npx kv status${flags}`,
    "",
    `Data, keys, logs: ${place(parts.dataFolder)}. Try kill -9 on a node: it comes back.`,
    "Ctrl-C stops everything; the data stays.",
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
