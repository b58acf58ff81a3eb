// The door of the api layer: everything other layers may use of it is exported here by name.

export const layerName: string = "api";
