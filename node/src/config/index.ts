// The door of the config layer: everything other layers may use of it is exported here by name.

export const layerName: string = "config";
