// The door of @kvcluster/node for tests and tools. The process itself starts at main.ts.

export const packageName: string = "@kvcluster/node";
