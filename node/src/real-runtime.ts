/**
 * The driver's runtime on a real machine: timers, clocks, chance, and the end of the process. The
 * simulator has its twin; nothing else in the node may read a clock for the driver.
 */
import { performance } from "node:perf_hooks";
import type { Runtime } from "./replica/index.ts";

/** @param onFatal reports and ends the process; it must not return. */
export const createRealRuntime = (onFatal: (error: Error) => never): Runtime => ({
  defer: (task) => {
    setImmediate(task);
  },
  every: (ms, task) => {
    const timer = setInterval(task, ms);
    return () => clearInterval(timer);
  },
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  random: () => Math.random(),
  fatal: onFatal,
});
