// The door of @kvcluster/operator: what other packages may use is exported here by name.

export const packageName: string = "@kvcluster/operator";
