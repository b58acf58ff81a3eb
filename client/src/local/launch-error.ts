/**
 * What keeps the local cluster from running, said so that it can be mended; shown without a stack.
 */
export class LaunchError extends Error {
  override readonly name = "LaunchError";
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The code of a system error (`EADDRINUSE`), or null. */
export const systemCodeOf = (error: unknown): string | null =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
