/** Makes docs/reference/configuration.md. */
import { renderConfigReference } from "../../node/src/config/index.ts";
import type { Generator } from "../generator.ts";

export const generator: Generator = {
  name: "configuration",
  generate: () => [{ path: "docs/reference/configuration.md", content: renderConfigReference() }],
};
