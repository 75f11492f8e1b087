import { fail, ok, type Result } from "../../api/result.ts";

/** Which of our fields a part holds; undefined: another one, or a file. */
export type DispositionName = "model" | "stream" | undefined;

const AMBIGUOUS =
  'a part of the form has a Content-Disposition that can be read in two ways: write form-data; name="..." with each parameter once';

/**
 * The field of a part, from its headers. What parsers read in different ways is refused if it has to do with our fields: a second
 * `Content-Disposition` or `name`, a name with escapes, a folded line, `name*`.
 */
export function formFieldOf(header: string): Result<DispositionName> {
  const lines = header.split("\r\n").filter((line) => line !== "");
  if (lines.some((line) => /^[ \t]/.test(line) || /[\r\n\0]/.test(line))) return fail(AMBIGUOUS);
  const dispositions = lines.filter((line) => /^content-disposition[ \t]*:/i.test(line));
  if (dispositions.length > 1) return fail(AMBIGUOUS);
  return dispositions[0] === undefined
    ? ok(undefined)
    : fieldIn(dispositions[0].slice(dispositions[0].indexOf(":") + 1));
}

/** `; name="value"` or `; name=value`. */
const PARAMETER = /;[ \t]*([A-Za-z0-9_*-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))[ \t]*/gy;

function fieldIn(disposition: string): Result<DispositionName> {
  const type = /^[ \t]*form-data[ \t]*/i.exec(disposition);
  if (type === null) return fail(AMBIGUOUS);
  const parameters = [...disposition.slice(type[0].length).matchAll(PARAMETER)];
  const read = parameters.reduce((length, [whole]) => length + whole.length, type[0].length);
  if (!/^;?[ \t]*$/.test(disposition.slice(read))) return fail(AMBIGUOUS);
  const named = parameters.map(([, key = "", quoted, bare]) => ({
    key: key.toLowerCase(),
    value: quoted ?? bare ?? "",
  }));
  const names = named.filter(({ key }) => key === "name");
  const isPlain = names.length === 1 && !named.some(({ key }) => key === "name*");
  const name = names[0]?.value;
  if (!isPlain || name === undefined || name.includes("\\")) return fail(AMBIGUOUS);
  if (name !== "model" && name !== "stream") return ok(undefined);
  return named.some(({ key }) => key.startsWith("filename")) ? fail(AMBIGUOUS) : ok(name);
}
