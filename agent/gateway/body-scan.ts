import { fail, ok, type Result } from "../../api/result.ts";
import { jsonScanner } from "./json-scan.ts";
import type { BodyScanner } from "./scan-state.ts";

export type { BodyScanner, ScanState } from "./scan-state.ts";

/** A scanner for a body of this `Content-Type`. Fails where bodies of that type name no model. */
export function bodyScanner(contentType: string): Result<BodyScanner> {
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim());
  if (type.toLowerCase() === "application/json") return jsonOf(parameters);
  return fail(WRONG_TYPE, "unsupported");
}

const WRONG_TYPE = "the Content-Type is neither application/json nor multipart/form-data: send one of them";

function jsonOf(parameters: readonly string[]): Result<BodyScanner> {
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter));
  return charset === undefined || /^charset="?(utf-?8|us-ascii)"?$/i.test(charset)
    ? ok(jsonScanner())
    : fail("the Content-Type has a charset other than utf-8: send JSON in UTF-8", "unsupported");
}
