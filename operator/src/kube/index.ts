/** The door of everything that speaks to the API server. */
export { Caches, type CachesOptions } from "./caches.ts";
export { type KubeClock, systemClock } from "./clock.ts";
export { type ConnectionOptions, KubeConnection, type KubeRequest } from "./connection.ts";
export { type CrdFault, checkCrd } from "./crd-check.ts";
export { loadKubeConfig } from "./credentials.ts";
export { EventRecorder, type EventRecorderOptions } from "./event-recorder.ts";
export { isKubeError, KubeError } from "./kube-error.ts";
export { createKubePort, type KubePortOptions } from "./kube-port.ts";
export { type ElectionEnd, LeaseElector, type LeaseElectorOptions } from "./lease-elector.ts";
export type { ReflectorHooks, RelistReason } from "./reflector.ts";
export type { CacheReport } from "./resource-cache.ts";
export { TokenIssuer, type TokenIssuerOptions } from "./token-issuer.ts";
