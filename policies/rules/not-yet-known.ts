import type { ModelSubject, ServiceSubject } from "../definition.ts";
import { unknownInPreview } from "../manifest.ts";

type Seen = Pick<ModelSubject | ServiceSubject, "label" | "unknown">;

/**
 * A sentence for each field that a rule would read and that is not known yet. A field is one sentence, so that two rules
 * which read it say the same.
 *
 * @param fields names below `spec`, for example `hardware.memoryBudget`
 */
export function notYetKnown({ label, unknown }: Seen, fields: readonly string[]): readonly string[] {
  const read = (path: string) => fields.some((field) => covers(path, `spec.${field}`) || covers(`spec.${field}`, path));
  return unknown.filter(read).map((path) => unknownInPreview(label, [path]));
}

/** Whether `inner` is the field at `outer`, or lies in it. */
function covers(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}
