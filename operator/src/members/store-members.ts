/** `MembersPort` over HTTP: the nodes of a store, asked at their pods' addresses. */
import type { KVCluster, NodeView, ObservedPod, StoreAction } from "../model/index.ts";
import { memberAddresses } from "../model/index.ts";
import type { ClusterKey, MembersPort, StoreAccess, StoreResult } from "../reconcile/index.ts";
import { confirmMembers } from "./confirm-members.ts";
import { HandOvers } from "./hand-overs.ts";
import { toMembersError } from "./members-error.ts";
import { type EndpointOf, NodeConnections, podEndpoint } from "./node-connections.ts";
import { type AddressesOf, executeStoreAction } from "./store-actions.ts";
import { surveyNode } from "./survey.ts";

export interface StoreMembersOptions {
  /** Where a pod is asked; its address and the client port unless given. */
  readonly endpointOf?: EndpointOf;
  /** What a member says of where it is; its name in the headless Service unless given. */
  readonly addressesOf?: AddressesOf;
}

export class StoreMembers implements MembersPort, AsyncDisposable {
  readonly #connections: NodeConnections;
  readonly #addressesOf: AddressesOf;
  readonly #handOvers = new HandOvers(() => performance.now());

  constructor(options: StoreMembersOptions = {}) {
    this.#connections = new NodeConnections(options.endpointOf ?? podEndpoint);
    this.#addressesOf = options.addressesOf ?? memberAddresses;
  }

  /** Clients that are kept, for tests and metrics. */
  get connections(): number {
    return this.#connections.size;
  }

  async survey(
    cluster: KVCluster,
    pods: readonly ObservedPod[],
    secret: Uint8Array,
  ): Promise<readonly NodeView[]> {
    const clients = this.#connections.open(cluster, pods, secret);
    return await Promise.all([...clients].map(([pod, client]) => surveyNode(pod, client)));
  }

  async execute(
    cluster: KVCluster,
    action: StoreAction,
    { pods, nodes, secret }: StoreAccess,
  ): Promise<StoreResult> {
    const clients = this.#connections.open(cluster, pods, secret);
    const store = {
      cluster,
      nodes,
      clients,
      addressesOf: this.#addressesOf,
      handOvers: this.#handOvers,
    };
    try {
      return await executeStoreAction(store, action);
    } catch (error) {
      throw toMembersError(action.type, error);
    }
  }

  async confirmMembers(
    cluster: KVCluster,
    { pods, secret }: StoreAccess,
  ): Promise<ReadonlySet<string>> {
    try {
      return await confirmMembers(cluster, this.#connections.open(cluster, pods, secret));
    } catch (error) {
      throw toMembersError("confirm the members", error);
    }
  }

  forget(key: ClusterKey): void {
    this.#connections.forget(key);
    this.#handOvers.forget(key);
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
