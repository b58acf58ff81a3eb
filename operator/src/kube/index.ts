/** The door of everything that speaks to the API server. */
export {};
