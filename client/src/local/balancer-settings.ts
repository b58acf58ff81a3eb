/** The limits of the balancer, each with its default. */
import { type ConnectionSettings, defaultPickerSettings, type PickerSettings } from "../index.ts";

export interface BalancerLimits {
  /** Requests under way; further ones get 503 OVERLOADED at once. */
  readonly requestsMax: number;
  /** Connections of clients; further ones are closed at once. */
  readonly clientConnectionsMax: number;
  /**
   * A body up to this is read before it is sent, so that it can be sent again; longer: streamed.
   */
  readonly bufferedBodyBytesMax: number;
  /** An answer "503, try again" up to this is read to decide; a longer one is passed on. */
  readonly problemBytesMax: number;
  /** Attempts at one request, the first included. */
  readonly attemptsMax: number;
  /** A refused request is tried elsewhere only while it is younger than this. */
  readonly retryWindowMs: number;
  readonly retryBudgetMax: number;
  readonly retryBudgetRatio: number;
  readonly checkIntervalMs: number;
  readonly checkTimeoutMs: number;
  /** Checks without an answer, in a row, until a node counts as gone. A refusal counts at once. */
  readonly silentChecksMax: number;
  /** A client must send its headers within this, and its whole request within the next. */
  readonly clientHeadersTimeoutMs: number;
  readonly clientRequestTimeoutMs: number;
  readonly clientIdleTimeoutMs: number;
  /** Nothing moved on a connection for so long: its client reads no answer. */
  readonly clientStallTimeoutMs: number;
  readonly headerBytesMax: number;
  /** How long requests under way may take once the balancer is asked to close. */
  readonly closeGraceMs: number;
}

export const defaultBalancerLimits: BalancerLimits = {
  requestsMax: 4_096,
  clientConnectionsMax: 4_096,
  bufferedBodyBytesMax: 65_536,
  problemBytesMax: 65_536,
  attemptsMax: 3,
  retryWindowMs: 1_000,
  retryBudgetMax: 200,
  retryBudgetRatio: 0.2,
  checkIntervalMs: 500,
  checkTimeoutMs: 1_000,
  silentChecksMax: 2,
  clientHeadersTimeoutMs: 10_000,
  clientRequestTimeoutMs: 60_000,
  clientIdleTimeoutMs: 65_000,
  clientStallTimeoutMs: 120_000,
  // Above the nodes' own limit, so that it is the node that refuses and says why.
  headerBytesMax: 49_152,
  closeGraceMs: 5_000,
};

/** Connections to the nodes. A node's longest request deadline is 60 s; it answers before this. */
export const upstreamConnections: ConnectionSettings = {
  connectionsPerEndpointMax: 512,
  connectTimeoutMs: 1_000,
  idleTimeoutMs: 20_000,
  headersTimeoutMs: 65_000,
  bodyIdleTimeoutMs: 120_000,
};

export const balancerPicker: PickerSettings = { ...defaultPickerSettings, ejectionMaxMs: 2_000 };
