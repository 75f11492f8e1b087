import * as z from "zod";

/** The most characters of a name, a quantity, a path or another short value; far above anything in use. */
const MAX_TEXT = 4096;
/** The most characters of free text: arguments, templates, messages. */
const MAX_PROSE = 262_144;
/** The most items of a list; an object in etcd stays below 1.5 MiB anyway. */
const MAX_ITEMS = 4096;

export function text() {
  return z.string().max(MAX_TEXT, { abort: true });
}

export function prose() {
  return z.string().max(MAX_PROSE, { abort: true });
}

export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item).max(MAX_ITEMS);
}

export function textMap() {
  return z.record(text(), text());
}

export function time() {
  return z.iso.datetime({ offset: true });
}

/**
 * Text that must match `pattern`. The pattern must mean the same in JavaScript and in Go (RE2).
 * @param expected what would be right; it ends the sentence "it must be ..."
 */
export function matching(pattern: RegExp, expected: string) {
  return text().regex(pattern).meta({ expected });
}

/**
 * An embedded Kubernetes type such as `core/v1 Toleration`. It is kept as it was written and not checked, so that no
 * field of a newer Kubernetes is lost.
 */
export function opaque(type: string) {
  return z.looseObject({}).meta({ title: type, "x-kubernetes-preserve-unknown-fields": true });
}

/**
 * A rule across fields, written twice with the same meaning and message: in CEL for the API server, and as a function
 * for the parser.
 */
export interface Rule<Value> {
  readonly cel: string;
  readonly holds: (value: Value) => boolean;
  /** What would be right: one clause without a full stop. */
  readonly message: string;
}

export function withCelRules<Schema extends z.ZodType>(
  schema: Schema,
  rules: ReadonlyArray<Rule<z.output<Schema>>>,
): Schema {
  const checked = rules.reduce((checking, { holds, message }) => checking.refine(holds, message), schema);
  return checked.meta({ "x-kubernetes-validations": rules.map(({ cel, message }) => ({ rule: cel, message })) });
}
