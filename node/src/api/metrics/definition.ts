/**
 * What a metric is. Every metric of KVCluster is defined once, with its meaning; the page and the
 * reference are both made from the definition. A label has few values, known beforehand: routes,
 * codes, reasons, members; never a key, a subject or an address.
 */
import type { EncryptionStats } from "../../crypto/index.ts";
import type { Identity, NodePhase, ReplicaStatus, StoreStats } from "../../replica/index.ts";
import type { TransportStats } from "../../transport/index.ts";
import type { AuthStats } from "../auth/index.ts";

export type MetricUnit = "seconds" | "bytes" | "entries" | "items" | "boolean" | "info";

/** What the reference says of a metric. */
export interface MetricDoc {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit: MetricUnit;
  readonly labels: readonly string[];
  /** One or two sentences; also the HELP line. */
  readonly meaning: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything there is to tell, looked at once for each scrape so that figures fit together. */
export interface Snapshot {
  readonly version: string;
  readonly phase: NodePhase;
  readonly identity: Identity | null;
  /** null while blank or starting, as are the next two. */
  readonly replica: ReplicaStatus | null;
  readonly store: StoreStats | null;
  readonly stalenessMs: number | null;
  readonly transport: TransportStats | null;
  /** null while blank and until the file system has answered. */
  readonly disk: { readonly freeBytes: number; readonly sizeBytes: number } | null;
  readonly auth: AuthStats;
  readonly encryption: EncryptionStats | null;
}

/** A metric whose samples are read when the page is asked for; none: it is absent from the page. */
export interface PulledMetric extends MetricDoc {
  readonly type: "counter" | "gauge";
  readonly read: (snapshot: Snapshot) => readonly Sample[];
}

const noLabels: Readonly<Record<string, string>> = {};

/** One sample without labels; nothing when the figure is not known now. */
export const single = (value: number | null | undefined): readonly Sample[] =>
  value === null || value === undefined ? [] : [{ labels: noLabels, value }];

/** 1 for true. */
export const flag = (value: boolean | null | undefined): readonly Sample[] =>
  value === null || value === undefined ? [] : single(value ? 1 : 0);

/** One sample for each possible value of `label`: 1 for the one that holds, 0 for the others. */
export const stateSet = <S extends string>(
  label: string,
  states: readonly S[],
  current: S | null,
): readonly Sample[] =>
  states.map((state) => ({ labels: { [label]: state }, value: state === current ? 1 : 0 }));
