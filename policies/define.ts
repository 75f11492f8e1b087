import type * as z from "zod";
import type { Rule, StackRule } from "./definition.ts";

/** A rule whose checks are typed by its own configuration; to the guard all rules look alike. */
export function defineRule<Schema extends z.ZodObject>(rule: Rule<Schema>): Rule {
  return rule as unknown as Rule;
}

export function defineStackRule<Schema extends z.ZodObject>(rule: StackRule<Schema>): StackRule {
  return rule as unknown as StackRule;
}
