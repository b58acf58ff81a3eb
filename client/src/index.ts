// The door of @kvcluster/client: what other packages may use is exported here by name.

export const packageName: string = "@kvcluster/client";
