import {
  type PolicyResource,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  unknownCheckingProxy,
} from "@pulumi/policy";
import type { Rule, StackRule } from "../../policies/definition.ts";
import { guard, type LlmGuardOptions } from "../../policies/guard/llm-guard.ts";
import { memoryBudgetValid, memoryFits, memoryNotes } from "../../policies/index.ts";
import { engineSide, notApplicable } from "./engine-side.ts";

/** The engine's stand-in for a text that it will only know during the update. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What a policy reported: `memory-fits: Model default/gemma does not fit: ...`. */
export type Report = string;

export interface Analysis {
  /** Configuration by policy, as `--policy-pack-config` gives it. */
  readonly config?: Readonly<Record<string, object>>;
}

const PACK: ReadonlyArray<ResourceValidationPolicy & Partial<StackValidationPolicy>> = [
  memoryBudgetValid,
  memoryFits,
  memoryNotes,
];

/** Shows one resource to every policy of the pack, in its order, as the engine does before the resource is made. */
export async function analyse(inputs: object, { config = {} }: Analysis = {}): Promise<Report[]> {
  const reports: Report[] = [];
  for (const policy of PACK) await show(policy, inputs, config[policy.name] ?? {}, reports);
  return reports;
}

/** How a resource comes to the engine, where it matters. */
export interface Registration {
  /** Name of the Pulumi resource; `gemma` where none is given. */
  readonly name?: string;
  /** Type token, where it is no resource of our API. */
  readonly type?: string;
  /** URN of the parent, for example of an LlmModel. */
  readonly parent?: string;
  /** Name of its Kubernetes provider. */
  readonly provider?: string;
}

export type Registered = object | { readonly inputs: object; readonly as: Registration };

/**
 * A whole preview with policies of our own choosing: each resource in turn is shown to each policy, then the stack. Every
 * report has the policy's name, and those at the end the URN.
 */
export async function preview(
  { rules = [], stackRules = [], options = {}, config = {} }: Preview,
  resources: readonly Registered[],
): Promise<Report[]> {
  const reports: Report[] = [];
  const policies = guard(options, rules, stackRules);
  const shown = resources.map((each) => ("inputs" in each ? each : { inputs: each, as: {} }));
  for (const { inputs, as } of shown) {
    for (const policy of policies) {
      if (policy.enforcementLevel === "disabled" || !("validateResource" in policy)) continue;
      await show(policy, inputs, config[policy.name] ?? {}, reports, as);
    }
  }
  for (const policy of policies) {
    if (policy.enforcementLevel === "disabled" || !("validateStack" in policy)) continue;
    // The SDK skips a policy for a type that no resource of the stack has.
    if (Reflect.get(policy.validateStack, "__pulumiType") !== undefined) continue;
    const stack = shown.map(({ inputs, as }) => stackResource(argsOf(inputs, {}, as)));
    const getConfig = <T extends object>() => (config[policy.name] ?? {}) as T;
    await policy.validateStack({ resources: stack, stackTags: new Map(), getConfig, notApplicable }, (text, urn) =>
      reports.push(`${policy.name}: ${urn ?? "the stack"}: ${text}`),
    );
  }
  return reports;
}

export interface Preview {
  readonly rules?: readonly Rule[];
  readonly stackRules?: readonly StackRule[];
  /** Of LlmGuard. */
  readonly options?: LlmGuardOptions;
  /** By policy, as `--policy-pack-config` gives it. */
  readonly config?: Readonly<Record<string, object>>;
}

function stackResource({ type, props, urn, name, opts, provider }: ResourceValidationArgs): PolicyResource {
  const resource = { type, props, urn, name, opts, dependencies: [], propertyDependencies: {} };
  return { ...resource, ...(provider && { provider }), isType: () => false, asType: () => undefined };
}

async function show(
  policy: ResourceValidationPolicy | StackValidationPolicy,
  inputs: object,
  config: object,
  reports: Report[],
  as: Registration = {},
): Promise<void> {
  const validate = "validateResource" in policy ? policy.validateResource : undefined;
  if (typeof validate !== "function") throw new Error(`${policy.name} does not look at resources`);
  await validate(argsOf(inputs, config, as), (text) => reports.push(`${policy.name}: ${text}`));
}

/** The end of a preview or update, with the URN of each report. */
export async function analyseStack({ config = {} }: Analysis = {}): Promise<Report[]> {
  const reports: Report[] = [];
  const resources: PolicyResource[] = [];
  await memoryFits.validateStack(
    {
      resources,
      stackTags: new Map(),
      getConfig: <T extends object>() => (config[memoryFits.name] ?? {}) as T,
      notApplicable,
    },
    (text, urn) => reports.push(`${urn}: ${text}`),
  );
  return reports;
}

export function urnOf(inputs: object, name = "gemma"): string {
  const { apiVersion, kind } = inputs as { apiVersion: string; kind: string };
  return `urn:pulumi:test::test::kubernetes:${apiVersion}:${kind}::${name}`;
}

function argsOf(
  inputs: object,
  config: object,
  { name = "gemma", type, parent, provider }: Registration = {},
): ResourceValidationArgs {
  const urn = type === undefined ? urnOf(inputs, name) : `urn:pulumi:test::test::${type}::${name}`;
  return {
    urn,
    type: urn.split("::")[2] ?? "",
    name,
    ...(provider !== undefined && { provider: providerOf(provider) }),
    props: unknownCheckingProxy(inputs),
    ...engineSide(config, parent),
  };
}

function providerOf(name: string) {
  const type = "pulumi:providers:kubernetes";
  return { type, name, urn: `urn:pulumi:test::test::${type}::${name}`, props: {} };
}
