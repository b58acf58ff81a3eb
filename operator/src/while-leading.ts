/** Ports that refuse every write once the Lease is lost: another process may act then. */
import type { KubePort, MembersPort, ReconcileParts } from "./reconcile/index.ts";

export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
  readonly code = "aborted";
}

/** @param mayWrite asked right before each write */
export function whileLeading(
  { kube, members }: Pick<ReconcileParts, "kube" | "members">,
  mayWrite: () => boolean,
): { readonly kube: KubePort; readonly members: MembersPort } {
  const guarded = async <T>(write: () => Promise<T>): Promise<T> => {
    if (mayWrite()) return await write();
    throw new LeaseLostError("the Lease is lost: nothing more is written");
  };
  return {
    kube: {
      cluster: (key, mode) => kube.cluster(key, mode),
      look: (cluster, mode) => kube.look(cluster, mode),
      adminSecret: (cluster) => kube.adminSecret(cluster),
      execute: (cluster, action) => guarded(() => kube.execute(cluster, action)),
      writeStatus: (cluster, status) => guarded(() => kube.writeStatus(cluster, status)),
      recordEvent: (cluster, event) => guarded(() => kube.recordEvent(cluster, event)),
    },
    members: {
      survey: (cluster, pods, secret) => members.survey(cluster, pods, secret),
      confirmMembers: (cluster, access) => members.confirmMembers(cluster, access),
      forget: (key) => members.forget(key),
      execute: (cluster, action, access) => guarded(() => members.execute(cluster, action, access)),
    },
  };
}
