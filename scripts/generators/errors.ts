/** Makes docs/reference/errors.md from the error table. */
import { errorGroups, errorInfo, isErrorCode } from "../../protocol/src/index.ts";
import type { Generator } from "../generator.ts";

const row = (code: string): string => {
  if (!isErrorCode(code)) throw new Error(`${code} is in a group but not in the table`);
  const { status, title, retryable, meaning, action } = errorInfo(code);
  const anchor = code.toLowerCase().replaceAll("_", "-");
  return (
    `### <a id="${anchor}"></a>\`${code}\`\n\n` +
    `${status} · ${title} · ${retryable ? "retryable" : "not retryable"}\n\n` +
    `${meaning}\n\n${action}\n`
  );
};

const page =
  (): string => `<!-- Made by scripts/generators/errors.ts from protocol/src. Do not edit. -->

# Errors

Every error answer is a problem document (RFC 9457, \`application/problem+json\`):

\`\`\`json
{
  "type": "https://kvcluster.io/docs/reference/errors#condition-failed",
  "title": "Condition failed",
  "status": 412,
  "detail": "the key has modRevision 7, not 5",
  "code": "CONDITION_FAILED",
  "retryable": false,
  "revision": 7,
  "requestId": "1f0c9a3e-4"
}
\`\`\`

\`code\` is stable. \`retryable\` is true when the request had no effect and the identical one may
succeed later or on another node; such answers of status 503 have a Retry-After header. \`outcome:
"unknown"\` marks a write that may or may not have taken effect.

${errorGroups.map(({ title, codes }) => `## ${title}\n\n${codes.map(row).join("\n")}`).join("\n")}`;

export const generator: Generator = {
  name: "errors",
  generate: () => [{ path: "docs/reference/errors.md", content: page() }],
};
