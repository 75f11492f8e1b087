import * as pulumi from "@pulumi/pulumi";
import type * as z from "zod";
import { bounded } from "../../api/document.ts";
import { explain, shown } from "../../api/explain.ts";
import { type Path, pathText } from "../../api/schema-walk.ts";
import { isUnknown, mapUnknown, type Unknown } from "./unknown.ts";

/** What is wrong with arguments, as one clause. Fields that are not known yet are absent from `known`, and named by `missing`. */
type Judge = (known: unknown, missing: ReadonlySet<string>) => string | undefined;

/** Gets one clause, which never holds a secret, and throws. */
export type Refuse = (problem: string) => never;

/** Values of outputs by their paths, as far as they have arrived. */
type Arrived = ReadonlyMap<string, { readonly value: unknown; readonly isSecret: boolean }>;

/**
 * The same arguments, without those that are null, and with every value checked before it reaches a resource: plain values now, outputs
 * as soon as they are known, each together with what is known by then.
 */
export function checked<Args extends object>(args: Args, judge: Judge, refuse: Refuse): Args {
  const arrived = new Map<string, { value: unknown; isSecret: boolean }>();
  const problem = shapeProblem(args) ?? problemOf(args, judge, arrived);
  if (problem !== undefined) refuse(problem);
  const copy = mapUnknown(args, (unknown, path) => {
    const field = pathText(path);
    const output = outputOf(unknown, (why) => refuse(`${field} is a promise that was rejected: ${why}`));
    return output.apply(async (resolved) => {
      const value = mapUnknown(resolved, (inner) => inner) ?? undefined;
      arrived.set(field, { value, isSecret: await pulumi.isSecret(output) });
      const found = problemOf(args, judge, arrived);
      if (found === undefined) return value;
      const told = withoutSecrets(found, field, arrived);
      arrived.delete(field);
      return refuse(told);
    });
  });
  // The copy differs from args only in that each output is replaced by an output of the same type, and null by nothing.
  return copy as Args;
}

/** An output of a promise; of an output that rejects Pulumi itself tells what rejected it. */
function outputOf(value: Unknown, refuse: Refuse): pulumi.Output<unknown> {
  if (!(value instanceof Promise)) return pulumi.output(value);
  return pulumi.output(value.catch((error: unknown) => refuse(error instanceof Error ? error.message : String(error))));
}

/** The faults that a schema finds in the values that are known. */
export function faultsOf(schema: z.ZodType, known: unknown, missing: ReadonlySet<string>): readonly z.core.$ZodIssue[] {
  const issues = schema.safeParse(known).error?.issues ?? [];
  return issues.filter(({ path }) => !missing.has(pathText(path)));
}

/** What a schema finds wrong with the values that are known. */
export function schemaProblem(schema: z.ZodType, known: unknown, missing: ReadonlySet<string>): string | undefined {
  const faults = faultsOf(schema, known, missing);
  return faults.length > 0 ? explain(schema, known, faults) : undefined;
}

/** Of what is no object, or so deep that nothing could walk it. */
function shapeProblem(args: unknown): string | undefined {
  if (isUnknown(args)) return "its arguments must be a plain object, not an output; each of them may be an output";
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    return `its arguments are ${shown(args)}; they must be an object`;
  }
  for (const [name, value] of Object.entries(args)) {
    const fit = bounded(value, (part) => isUnknown(part) || pulumi.Resource.isInstance(part));
    if (!fit.ok) return `${name}: ${fit.error}, and may not hold itself`;
    const strange = strangeObject(value, [name]);
    if (strange !== undefined) return strange;
  }
  return undefined;
}

/** Maps, dates and the like have no fields of their own: they would pass for empty objects. */
function strangeObject(value: unknown, path: Path): string | undefined {
  if (typeof value !== "object" || value === null || isUnknown(value)) return undefined;
  const kind = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (kind !== "Object" && kind !== "Array") return `${pathText(path)} is a ${kind}; it must be plain data`;
  if (pulumi.Resource.isInstance(value)) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const strange = strangeObject(member, [...path, Array.isArray(value) ? Number(key) : key]);
    if (strange !== undefined) return strange;
  }
  return undefined;
}

/** What is wrong with the values that are known so far, as one clause. */
function problemOf(args: object, judge: Judge, arrived: Arrived): string | undefined {
  const missing = new Set<string>();
  const known = mapUnknown(args, (_: Unknown, path) => {
    const field = pathText(path);
    if (!arrived.has(field)) missing.add(field);
    return arrived.get(field)?.value;
  });
  return judge(known, missing);
}

/** A clause on a field that has just arrived; it may tell of others too. */
function withoutSecrets(found: string, field: string, arrived: Arrived): string {
  if (arrived.get(field)?.isSecret) return `${field} is not valid; its value is secret and not shown`;
  const secrets = [...arrived].filter(([, { isSecret }]) => isSecret);
  const told = secrets.find(([, { value }]) => textsOf(value).some((text) => found.includes(text)));
  return told === undefined ? found : `${field} does not go with ${told[0]}, whose value is secret and not shown`;
}

/** As {@link shown} would tell them. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return value === undefined ? [] : [shown(value)];
  return Object.values(value).flatMap(textsOf);
}
