/** The door of the local cluster: the balancer and the launcher behind `make run`. */
export { Balancer, type BalancerOptions, type BalancerStatus } from "./balancer.ts";
export { type BalancerLimits, defaultBalancerLimits } from "./balancer-settings.ts";
