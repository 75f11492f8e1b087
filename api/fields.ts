import * as z from "zod";

/** Characters that a name, a quantity, a path or another short value may have; far above anything in use. */
const MAX_TEXT = 4096;
/** Characters of free text: arguments, templates, messages. */
const MAX_PROSE = 262_144;
/** Items that a list may have; an object in etcd stays below 1.5 MiB anyway. */
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
 * Text that must match `pattern`, which is written so that it means the same in JavaScript and in Go (RE2).
 * @param expected what would be right, as it ends the sentence "it must be ..."
 */
export function matching(pattern: RegExp, expected: string) {
  return text().regex(pattern).meta({ expected });
}

/**
 * An embedded Kubernetes type such as `core/v1 Toleration`: carried as it was written, not looked into, so that no field
 * of a newer Kubernetes is lost.
 */
export function opaque(type: string) {
  return z.looseObject({}).meta({ title: type, "x-kubernetes-preserve-unknown-fields": true });
}

/** A rule across fields, once for the API server (CEL) and once for the parser, with the same meaning and message. */
export interface Rule<Value> {
  readonly cel: string;
  readonly holds: (value: Value) => boolean;
  /** One clause without a full stop: what would be right. */
  readonly message: string;
}

export function withCelRules<Schema extends z.ZodType>(
  schema: Schema,
  rules: ReadonlyArray<Rule<z.output<Schema>>>,
): Schema {
  const checked = rules.reduce((checking, { holds, message }) => checking.refine(holds, message), schema);
  return checked.meta({ "x-kubernetes-validations": rules.map(({ cel, message }) => ({ rule: cel, message })) });
}
