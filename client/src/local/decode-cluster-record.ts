/** Reads `cluster.json`, the record of a local cluster. */

/** What is known of a local cluster between two runs. */
export interface ClusterRecord {
  readonly format: "kvcluster local cluster";
  readonly version: 1;
  readonly createdAt: string;
  /** null until node 1 was bootstrapped. */
  readonly clusterId: string | null;
  /** Nodes of the last run. */
  readonly nodes: number;
  /** The members know each other by these ports: they cannot change once there are several. */
  readonly peerPortBase: number;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 1;

/** The record, or what is wrong with it. */
export function decodeClusterRecord(text: string): ClusterRecord | { readonly fault: string } {
  let document: Partial<Record<keyof ClusterRecord, unknown>>;
  try {
    document = Object(JSON.parse(text));
  } catch {
    // Not JSON: an interrupted or foreign write, told by the answer.
    return { fault: "it is not JSON" };
  }
  const { format, version, createdAt, clusterId, nodes, peerPortBase } = document;
  if (format !== "kvcluster local cluster") return { fault: 'its "format" is not ours' };
  if (version !== 1) return { fault: `its version is ${String(version)}, this program reads 1` };
  const isWhole =
    typeof createdAt === "string" &&
    (clusterId === null || typeof clusterId === "string") &&
    isCount(nodes) &&
    isCount(peerPortBase);
  return isWhole ? (document as ClusterRecord) : { fault: "a field is missing or damaged" };
}
