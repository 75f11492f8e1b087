import type { PolicyPackArgs, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { shown } from "../../api/explain.ts";
import { RULES, STACK_RULES } from "../all.ts";
import type { Definition, Level, Rule, StackRule } from "../definition.ts";
import { resourcePolicy } from "./dispatch.ts";
import { memoryNotes } from "./memory-notes.ts";
import { type Exclusion, levelProblem, readOptions } from "./options.ts";
import { createRegistry, type Kind } from "./registry.ts";
import { stackPolicy } from "./stack.ts";
import { createVoices } from "./voices.ts";

export interface LlmGuardOptions {
  /** The level of every policy that has none of its own here. Defaults to each policy's own default. */
  readonly all?: Exclude<Level, "remediate">;
  /** Models and services that a policy does not refuse, each with the reason. */
  readonly exclude?: readonly Exclusion[];
  /** A policy by its name in camelCase, or a setting for all policies that have it. */
  readonly [policyOrSetting: string]: unknown;
}

/**
 * The policies of this package with one set of options:
 * `new PolicyPack("my-pack", new LlmGuard({ all: "advisory", memoryFits: { level: "mandatory", hostMemory: "64Gi" } }))`, or
 * `new PolicyPack("my-pack", { policies: [...new LlmGuard({}).policies, myOwn] })`. What `--policy-pack-config` sets goes before the options.
 * Throws an error with one sentence for each option that is wrong.
 */
export class LlmGuard implements PolicyPackArgs {
  readonly displayName = "Large language models on Apple silicon";
  readonly description =
    "Keeps large language models on Apple silicon inside their memory budgets, before anything runs.";
  readonly provider = "kubernetes";
  readonly tags: string[] = ["llm", "memory", "apple-silicon", "kubernetes"];
  readonly policies: Array<ResourceValidationPolicy | StackValidationPolicy>;

  constructor(options: LlmGuardOptions = {}) {
    this.policies = guard(options, RULES, STACK_RULES);
  }
}

/** Policies that share what they know: each resource is parsed, and each header read, once for all of them. */
export function guard(
  options: LlmGuardOptions,
  rules: readonly Rule[],
  stackRules: readonly StackRule[],
): Array<ResourceValidationPolicy | StackValidationPolicy> {
  const definitions: readonly Definition[] = [...rules, ...stackRules];
  const { memoryNotes: notesLevel, ...rest } = isOptions(options) ? options : {};
  const choices = readOptions(rest, definitions);
  const problems = [
    ...optionsProblem(options),
    ...levelProblem("memoryNotes", notesLevel ?? undefined, NOTES_LEVELS),
    ...choices.problems,
  ];
  if (problems.length > 0) throw faultOf(problems);
  const registry = createRegistry();
  const notes = memoryNotes(registry);
  const voices = createVoices(new Map(definitions.map((each) => [each.name, choices.of(each).level])), registry);
  return [
    ...rules.map((rule) => {
      const { level, settings } = choices.of(rule);
      const faultsOf = kindsWhoseFaults(rule, rules);
      return resourcePolicy({ rule: { ...rule, level }, registry, voices, faultsOf }, settings);
    }),
    ...stackRules.map((rule) => {
      const { level, settings } = choices.of(rule);
      return stackPolicy({ rule: { ...rule, level }, registry, voices }, settings);
    }),
    // Last, because it reports what the others noted on the same resource. Notes refuse nothing at any level of the others.
    {
      ...notes,
      enforcementLevel: notesLevel === "disabled" || rest.all === "disabled" ? "disabled" : "advisory",
    },
  ];
}

/** One rule reports the faults of a kind; those that check the kind after it say what it does not. */
function kindsWhoseFaults(rule: Rule, rules: readonly Rule[]): readonly Kind[] {
  const { checkModel, checkService, checkServed, reportsFaultsOf } = rule;
  const kinds: readonly Kind[] = [
    ...(checkModel === undefined ? [] : ["Model" as const]),
    ...(checkService === undefined && checkServed === undefined ? [] : ["InferenceService" as const]),
  ];
  return kinds.filter((kind) => {
    const owner = rules.findIndex((each) => each.reportsFaultsOf === kind);
    return reportsFaultsOf === kind || (owner !== -1 && rules.indexOf(rule) > owner);
  });
}

const NOTES_LEVELS = ["advisory", "disabled"] as const;

function isOptions(options: unknown): options is LlmGuardOptions {
  return typeof options === "object" && options !== null && !Array.isArray(options);
}

function optionsProblem(options: unknown): readonly string[] {
  return options === null || isOptions(options) ? [] : [`the options are ${shown(options)}; they must be an object`];
}

function faultOf(problems: readonly string[]): Error {
  const error = new Error(problems.map((problem) => `LlmGuard: ${problem}`).join("\n"));
  // Whoever wrote the options needs the sentences, and no lines of this package.
  error.stack = error.message;
  return error;
}
