import { fail, ok, type Result } from "../../api/result.ts";
import { jsonScanner } from "./json-scan.ts";
import { multipartScanner } from "./multipart-scan.ts";
import type { BodyScanner } from "./scan-state.ts";

export type { BodyScanner, ScanState } from "./scan-state.ts";

/** A scanner for a body of this `Content-Type`. Fails where bodies of that type name no model. */
export function bodyScanner(contentType: string): Result<BodyScanner> {
  const [type = ""] = contentType.split(";", 1);
  const parameters = contentType.slice(type.length);
  if (type.trim().toLowerCase() === "application/json") return jsonOf(parameters);
  if (type.trim().toLowerCase() === "multipart/form-data") return formOf(parameters);
  return fail("the Content-Type is neither application/json nor multipart/form-data: send one of them", "unsupported");
}

function jsonOf(parameters: string): Result<BodyScanner> {
  const charsets = [...parameters.matchAll(/;[ \t]*charset[ \t]*=[ \t]*"?([^\s";]*)/gi)];
  return charsets.every(([, charset = ""]) => /^(utf-?8|us-ascii)$/i.test(charset))
    ? ok(jsonScanner())
    : fail("the Content-Type has a charset other than utf-8: send JSON in UTF-8", "unsupported");
}

/** RFC 2046: 1 to 70 characters, no space at the end. */
const BOUNDARY =
  /^;[ \t]*boundary=(?:"([0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-])"|([0-9A-Za-z'+_.-]{1,70}))[ \t]*$/i;

/** Other parameters have no meaning for a form, and could hide a second boundary. */
function formOf(parameters: string): Result<BodyScanner> {
  const [, quoted, bare] = BOUNDARY.exec(parameters) ?? [];
  const boundary = quoted ?? bare;
  return boundary === undefined
    ? fail(
        "the Content-Type has no boundary, or more than that: write multipart/form-data; boundary=... as clients do",
        "unsupported",
      )
    : ok(multipartScanner(boundary));
}
