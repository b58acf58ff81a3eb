/**
 * The API server's token issuer and signing keys, for the nodes to believe service accounts. Read
 * every few minutes; what was known stays known while the API server does not answer, and a key
 * goes only when two readings in a row lack it: API servers behind one address may rotate one after
 * the other.
 */
import type { IssuerView } from "../model/index.ts";
import { type KubeClock, pause } from "./clock.ts";
import type { KubeConnection } from "./connection.ts";
import { at, type JsonRecord, recordsOf, textOf } from "./decode-json.ts";
import { KubeError } from "./kube-error.ts";

export interface TokenIssuerOptions {
  readonly connection: KubeConnection;
  readonly clock: KubeClock;
  /** What is known has changed: every cluster has to be looked at. */
  readonly onChange: () => void;
  readonly onFailure?: (error: KubeError) => void;
}

const REFRESH_MS = 300_000;
/** While nothing is known yet. */
const RETRY_MS = 15_000;

interface Reading {
  readonly issuer: string;
  /** By canonical JSON, sorted. */
  readonly keys: readonly string[];
}

export class TokenIssuer {
  readonly #options: TokenIssuerOptions;
  #last: Reading | null = null;
  #view: IssuerView = { type: "unknown", why: "the API server has not been asked yet" };

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
  }

  get view(): IssuerView {
    return this.#view;
  }

  /** Reads now and then until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.refresh(signal);
      const isKnown = this.#view.type === "known";
      await pause(this.#options.clock, isKnown ? REFRESH_MS : RETRY_MS, signal);
    }
  }

  async refresh(signal: AbortSignal): Promise<void> {
    try {
      this.#take(await this.#read(signal));
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (signal.aborted) return;
      this.#options.onFailure?.(error);
      if (this.#view.type === "unknown") this.#show({ type: "unknown", why: error.message });
    }
  }

  async #read(signal: AbortSignal): Promise<Reading> {
    const { connection } = this.#options;
    const get = (path: string): Promise<unknown> =>
      connection.request({ method: "GET", path, signal });
    const issuer = textOf(at(await get("/.well-known/openid-configuration"), "issuer")) ?? "";
    const keys = recordsOf(at(await get("/openid/v1/jwks"), "keys"));
    if (issuer === "" || keys.length === 0) {
      const what = `the API server's discovery names issuer "${issuer}" and ${keys.length} keys`;
      throw new KubeError("malformed", what);
    }
    return { issuer, keys: [...new Set(keys.map(canonical))].sort() };
  }

  #take(reading: Reading): void {
    const before = this.#last?.issuer === reading.issuer ? this.#last.keys : [];
    this.#last = reading;
    const keys = [...new Set([...before, ...reading.keys])].sort();
    this.#show({ type: "known", issuer: reading.issuer, jwks: `{"keys":[${keys.join(",")}]}` });
  }

  #show(view: IssuerView): void {
    const isNew = JSON.stringify(view) !== JSON.stringify(this.#view);
    this.#view = view;
    if (isNew) this.#options.onChange();
  }
}

/** The same key in the same words, whatever the order of its fields. */
const canonical = (key: JsonRecord): string =>
  JSON.stringify(Object.fromEntries(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))));
