/** The door of everything that speaks to the nodes of a store. */
export { MembersError, type MembersErrorCode } from "./members-error.ts";
export { StoreMembers, type StoreMembersOptions } from "./store-members.ts";
