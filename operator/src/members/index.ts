/** The door of everything that speaks to the nodes of a store. */
export {};
