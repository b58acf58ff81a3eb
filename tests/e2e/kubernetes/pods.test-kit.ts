/** Pods of applications: a projected service-account token, and the restricted pod standard. */
import { describePod, type Kube, type Ran, run } from "./kube.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

const TOKEN_FOLDER = "/var/run/secrets/kvcluster";
export const tokenPath: string = `${TOKEN_FOLDER}/token`;

export interface ClientContainer {
  readonly image: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly object[];
}

export function clientContainer({
  image,
  command,
  env = {},
  mounts = [],
}: ClientContainer): object {
  return {
    name: "client",
    image,
    imagePullPolicy: "IfNotPresent",
    command,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
      runAsUser: 10_002,
      seccompProfile: { type: "RuntimeDefault" },
    },
    volumeMounts: [{ name: "token", mountPath: TOKEN_FOLDER, readOnly: true }, ...mounts],
  };
}

/** The pod's token: its audience says for which KVCluster it is. */
export const tokenVolume = (audience: string): object => ({
  name: "token",
  projected: {
    sources: [{ serviceAccountToken: { audience, expirationSeconds: 600, path: "token" } }],
  },
});

export interface ShellPlace {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly audience: string;
  readonly image: string;
  /** Base URL of the store, for `curl`. */
  readonly url: string;
  /** Left out: wherever there is room. */
  readonly nodeName?: string;
}

export interface Curled {
  readonly status: number;
  readonly body: string;
}

/** A pod that waits for what is typed into it. */
export class Shell {
  readonly #place: ShellPlace;

  private constructor(place: ShellPlace) {
    this.#place = place;
  }

  static async start(kube: Kube, place: ShellPlace): Promise<Shell> {
    const { namespace, name, serviceAccount, audience, image, nodeName } = place;
    await kube.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: name } },
      spec: {
        ...(nodeName === undefined ? {} : { nodeName }),
        serviceAccountName: serviceAccount,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 1,
        containers: [clientContainer({ image, command: ["sleep", "infinity"] })],
        volumes: [tokenVolume(audience)],
      },
    });
    await becomes(
      `pod ${name} runs`,
      async () => {
        const [pod] = await kube.pods(namespace, `app=${name}`);
        if (pod?.status.phase === "Running") return true;
        return new NotYet(pod === undefined ? "no pod" : describePod(pod));
      },
      { withinMs: 90_000 },
    );
    return new Shell(place);
  }

  async type(line: string): Promise<Ran> {
    const { namespace, name } = this.#place;
    return await run("kubectl", ["-n", namespace, "exec", name, "--", "sh", "-c", line]);
  }

  /** Types a curl line that sends the pod's token; status 0 when there was no answer. */
  async curl(options: string, path: string): Promise<Curled> {
    const header = `-H "Authorization: Bearer $(cat ${tokenPath})"`;
    const url = `${this.#place.url}${path}`;
    const line = `curl -sS --max-time 15 -w '\\n%{http_code}' ${header} ${options} '${url}'`;
    const { stdout, stderr } = await this.type(line);
    const at = stdout.lastIndexOf("\n");
    const status = Number(stdout.slice(at + 1));
    return { status, body: status === 0 ? stderr : stdout.slice(0, Math.max(at, 0)) };
  }

  /** As `curl` of a read, once anything answers: the Service follows ready pods a little later. */
  async curlAnswered(path: string): Promise<Curled> {
    return await becomes(
      `${path} is answered`,
      async () => {
        const answer = await this.curl("", path);
        return answer.status === 0 ? new NotYet(answer.body) : answer;
      },
      { withinMs: 30_000 },
    );
  }
}
