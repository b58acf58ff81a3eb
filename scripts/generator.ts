/**
 * What a generator is. Each file in scripts/generators/ exports one named `generator`; it is found
 * by its place, so adding one touches no other file.
 */

export interface GeneratedFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly content: string;
}

export interface Generator {
  /** What it makes, as `make generate` tells it. */
  readonly name: string;
  /** Pure: the same sources give the same bytes, on any machine and at any time. */
  generate(): readonly GeneratedFile[] | Promise<readonly GeneratedFile[]>;
}
