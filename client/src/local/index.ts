/** The door of the local cluster: the balancer and the launcher behind `make run`. */
export { Balancer, type BalancerOptions, type BalancerStatus } from "./balancer.ts";
export { type BalancerLimits, defaultBalancerLimits } from "./balancer-settings.ts";
export { LaunchError } from "./launch-error.ts";
export { type LaunchSettings, readLaunchSettings } from "./launch-settings.ts";
export { Launcher, type LauncherParts } from "./launcher.ts";
