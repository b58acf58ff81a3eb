// The door of the local cluster (launcher and balancer behind `make run`).

export { packageName } from "../index.ts";
