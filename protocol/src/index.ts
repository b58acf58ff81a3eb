// The door of @kvcluster/protocol: what other packages may use is exported here by name.

export const packageName: string = "@kvcluster/protocol";
