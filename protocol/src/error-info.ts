/** What the error table knows of a code. */

/** One row of the error table. */
export interface ErrorInfo {
  /** HTTP status of the answer. */
  readonly status: number;
  /** A short summary that is the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /**
   * The identical request had no effect and may succeed when it is sent again, perhaps to another
   * node. Never true for a write that may have taken effect.
   */
  readonly retryable: boolean;
  /** When it is answered. */
  readonly meaning: string;
  /** What the caller should do. */
  readonly action: string;
}
