/**
 * Where the API server is and how we prove who we are: in-cluster or from KUBECONFIG. The library
 * makes a new connection pool for each request, that is, a TLS handshake each; here one is kept for
 * a minute at a time, so that rotated tokens and certificates are taken up.
 */
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node";
import type { KubeClock } from "./clock.ts";
import { KubeError } from "./kube-error.ts";

/** Undici's; its package is the library's affair. */
export type Dispatcher = NonNullable<ReturnType<RequestContext["getDispatcher"]>>;

interface Access {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher | undefined;
}

/** As client-go: a token file is read again after a minute. */
const ACCESS_AGE_MAX_MS = 60_000;

/**
 * The configuration of `KUBECONFIG` if that is set, else of the pod we run in. A `~/.kube/config`
 * is never picked up by accident.
 * @throws KubeError invalid: neither is there, or the file cannot be read
 */
export function loadKubeConfig(env: Readonly<Record<string, string | undefined>>): KubeConfig {
  const config = new KubeConfig();
  const file = env["KUBECONFIG"] ?? "";
  try {
    if (file !== "") config.loadFromFile(file);
    else if ((env["KUBERNETES_SERVICE_HOST"] ?? "") !== "") config.loadFromCluster();
  } catch (cause) {
    throw new KubeError("invalid", `cannot read KUBECONFIG ${file}`, { cause });
  }
  if (config.getCurrentCluster() === null) {
    const what = file === "" ? "neither KUBECONFIG nor a service account is there" : `in ${file}`;
    throw new KubeError("invalid", `no Kubernetes cluster to speak to: ${what}`);
  }
  return config;
}

export class Credentials {
  /** `https://HOST:PORT`, no slash at the end. */
  readonly server: string;
  readonly #config: KubeConfig;
  readonly #clock: KubeClock;
  #access: Promise<Access> | null = null;
  #takenAt = 0;

  constructor(config: KubeConfig, clock: KubeClock) {
    this.#config = config;
    this.#clock = clock;
    this.server = (config.getCurrentCluster()?.server ?? "").replace(/\/+$/, "");
  }

  /** Puts our proof and the connection pool into a request. */
  async applyTo(context: RequestContext): Promise<void> {
    const { headers, dispatcher } = await this.#current();
    for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
    if (dispatcher !== undefined) context.setDispatcher(dispatcher);
  }

  /**
   * The next request authenticates anew and over new connections: after a 401, and after a silence,
   * since the connection that was silent once must not be waited for twice.
   */
  forget(): void {
    this.#access = null;
  }

  #current(): Promise<Access> {
    const now = this.#clock.monotonic();
    const isOld = now - this.#takenAt > ACCESS_AGE_MAX_MS;
    if (this.#access !== null && !isOld) return this.#access;
    const access = this.#take();
    this.#access = access;
    this.#takenAt = now;
    access.catch(() => {
      if (this.#access === access) this.#access = null;
    });
    return access;
  }

  async #take(): Promise<Access> {
    try {
      const probe = new RequestContext(`${this.server}/`, HttpMethod.GET);
      await this.#config.applySecurityAuthentication(probe);
      return { headers: probe.getHeaders(), dispatcher: http1(probe.getDispatcher()) };
    } catch (cause) {
      const what = `cannot authenticate to ${this.server}: certificate or token is unreadable`;
      throw new KubeError("unauthorized", what, { cause });
    }
  }
}

/**
 * One TCP connection for each request in flight. Over HTTP/2 all watches would hang on one: when
 * that is cut, all are deaf, and every new request joins them.
 */
function http1(dispatcher: Dispatcher | undefined): Dispatcher | undefined {
  return dispatcher?.compose((dispatch) => (options, handler) => {
    const http1Only = { ...options, allowH2: false };
    return dispatch(http1Only, handler);
  });
}
