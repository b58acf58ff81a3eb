/** JSON bodies: parsed, then held to their schema. Every refusal names the place in the body. */
import { isUtf8 } from "node:buffer";
import type { JsonSchema } from "@kvcluster/protocol";
import { Compile } from "typebox/compile";
import { ApiError } from "./api-error.ts";
import type { Call } from "./route.ts";

function parse(body: Uint8Array): unknown {
  if (body.length === 0) throw new ApiError("INVALID_JSON", "the body is empty");
  if (!isUtf8(body)) throw new ApiError("INVALID_JSON", "the body is not UTF-8");
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"));
  } catch (cause) {
    // V8's message quotes the text, which may be a value: it stays in `cause`, for nobody's log.
    throw new ApiError("INVALID_JSON", "the body is not valid JSON", { cause });
  }
}

/** @throws ApiError UNSUPPORTED_MEDIA_TYPE unless the body is declared as JSON */
function checkMediaType(contentType: string | undefined): void {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json") return;
  throw new ApiError(
    "UNSUPPORTED_MEDIA_TYPE",
    type === "" ? "the body has no Content-Type" : `the body is declared as ${type.slice(0, 64)}`,
  );
}

/** A reader of one kind of body; compiles its schema once. */
export function jsonReader<T>(
  schema: JsonSchema<T>,
  options: { readonly emptyMeans?: T } = {},
): (call: Call) => T {
  const validator = Compile(schema);
  const matches = (value: unknown): value is T => validator.Check(value);
  return (call) => {
    if (call.body.length === 0 && options.emptyMeans !== undefined) return options.emptyMeans;
    checkMediaType(call.headers["content-type"]);
    const value = parse(call.body);
    if (matches(value)) return value;
    const [first] = validator.Errors(value);
    const place = first === undefined || first.instancePath === "" ? "/" : first.instancePath;
    throw new ApiError("INVALID_BODY", `${place.slice(0, 128)} ${first?.message ?? "is wrong"}`);
  };
}
