/** The door of the process's loops: queue, watches, election, metrics, health. */
export {};
