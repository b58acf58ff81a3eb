/** Default limits of the HTTP API. A node's configuration may set others; see its reference. */

export const defaultLimits = {
  /** Bytes of a key after decoding. */
  keyBytesMax: 4096,
  /** Bytes of a value. */
  valueBytesMax: 1_048_576,
  /** Puts and deletes in one batch. */
  batchOperationsMax: 128,
  /** Bytes of a JSON body; a batch's values are base64 in it. */
  bodyBytesMax: 4_194_304,
  /** Items of one list page. */
  pageItemsMax: 1000,
  /** Items of one list page when `limit` is not given. */
  pageItemsDefault: 100,
  /** Bytes of keys and values of one list page; at least one item is given. */
  pageBytesMax: 4_194_304,
  /** Keys counted beyond the page by `count=true`. */
  countMax: 1_000_000,
  /** Keys that one range delete may delete. */
  rangeDeleteKeysMax: 10_000,
  /** Bytes of request line and headers. Holds a fully percent-encoded key and a token. */
  headerBytesMax: 32_768,
  /** Deadline of a request that names none, and the longest that one may name. */
  requestDeadlineDefaultMs: 5000,
  requestDeadlineMaxMs: 60_000,
} as const;

/** Characters of a member's name. */
export const memberNameLengthMax = 63;
/** A member's name: a DNS label. */
export const memberNamePattern: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
