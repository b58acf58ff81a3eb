/** What decides the children of a KVCluster: nothing else does, least of all our own version. */
import type { KVCluster } from "../api/types.ts";
import type { Capabilities, IssuerView, OperatorDefaults } from "../observed.ts";

export interface DesiredInputs {
  readonly cluster: KVCluster;
  /** What the nodes run; decided by the planner, so that an operator's upgrade restarts no pod. */
  readonly image: string;
  /** Of the StatefulSet; never below a member's ordinal. */
  readonly replicas: number;
  /** Voters of the store as last known; 0 before it was bootstrapped. */
  readonly voters: number;
  /** As `knownIssuer` gives it: a failed look-up must not take the keys away from the nodes. */
  readonly issuer: IssuerView;
  readonly defaults: OperatorDefaults;
  readonly capabilities: Capabilities;
}
