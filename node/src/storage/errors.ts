/**
 * The errors of the storage layer. Each names the file and says what an operator can do about it;
 * none of them may be caught and dropped: after one of them this process must not go on writing.
 */

/** What went wrong, for the composition root's exit code and log line. */
export type StorageErrorCode =
  /** Bytes on the disk are not what was written; the message names file and offset. */
  | "CORRUPT"
  /** ENOSPC or EDQUOT. */
  | "DISK_FULL"
  /** Any other failure of a system call. */
  | "IO"
  /** Another process works on the same data folder. */
  | "LOCKED"
  /** The folder holds files that are not ours. */
  | "FOREIGN_FOLDER"
  /** The data belongs to another node or cluster than the configuration says. */
  | "WRONG_IDENTITY"
  /** Written by a version of this program that this one cannot read. */
  | "UNSUPPORTED_FORMAT"
  /** Bootstrap or join of a folder that already has an identity. */
  | "ALREADY_BOOTSTRAPPED";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const ADVICE = "this replica must not serve: remove it from the cluster and let it join anew";

/** A CORRUPT error, worded the same everywhere. @param where file, and offset where one is known */
export const corrupt = (where: string, what: string, cause?: unknown): StorageError =>
  new StorageError(
    "CORRUPT",
    `${where}: ${what}; ${ADVICE}`,
    cause === undefined ? undefined : { cause },
  );

const DISK_FULL_CODES: readonly string[] = ["ENOSPC", "EDQUOT"];

const systemCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";

/** Wraps the failure of a system call. @param attempted for example `write 512 bytes to <path>` */
export const ioError = (attempted: string, cause: unknown): StorageError => {
  const code = systemCode(cause);
  if (DISK_FULL_CODES.includes(code)) {
    return new StorageError(
      "DISK_FULL",
      `disk full (${code}): could not ${attempted}; free space or grow the volume, then restart`,
      { cause },
    );
  }
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new StorageError("IO", `could not ${attempted}: ${detail}`, { cause });
};

/** Errors cross the thread boundary as plain values. */
export interface ErrorMessage {
  readonly code: StorageErrorCode;
  readonly message: string;
  readonly stack: string;
}

export const toErrorMessage = (error: unknown): ErrorMessage => {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  if (error instanceof StorageError) return { code: error.code, message: error.message, stack };
  return { code: "IO", message: error instanceof Error ? error.message : String(error), stack };
};

export const fromErrorMessage = (message: ErrorMessage): StorageError =>
  new StorageError(message.code, message.message, { cause: new Error(message.stack) });
