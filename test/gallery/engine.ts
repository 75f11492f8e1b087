import {
  type PolicyResource,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  unknownCheckingProxy,
} from "@pulumi/policy";
import { LlmGuard, type LlmGuardOptions } from "../../policies/guard/llm-guard.ts";
import { engineSide, notApplicable } from "../policies/engine-side.ts";
import { providerUrn, type Shown, urnOf } from "./resources.ts";

type Policy = ResourceValidationPolicy | StackValidationPolicy;
type Config = Readonly<Record<string, object>>;

/** What one policy reported. */
export interface Finding {
  readonly policy: string;
  readonly level: string;
  readonly text: string;
  /** The resource by which the engine prints it; undefined: the stack. */
  readonly about: string | undefined;
}

/**
 * Stands in for Pulumi's engine in one preview, in this process: each resource is shown to every policy that may change it, then to every
 * policy; at the end the stack.
 */
export async function previewed(
  options: LlmGuardOptions,
  config: Config,
  resources: readonly Shown[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const policies = new LlmGuard(options).policies.filter(({ enforcementLevel }) => enforcementLevel !== "disabled");
  const report =
    ({ name: policy, enforcementLevel: level = "advisory" }: Policy, urn?: string) =>
    (text: string, other?: string) => {
      findings.push({ policy, level, text, about: other ?? urn });
    };
  const stack: PolicyResource[] = [];
  for (const shown of resources) {
    const inputs = await remedied(policies, shown, config);
    for (const policy of policies) {
      const args = argsOf(shown, inputs, config[policy.name]);
      if ("validateResource" in policy) await checkOf(policy)(args, report(policy, args.urn));
    }
    stack.push(stackResource(argsOf(shown, inputs)));
  }
  for (const policy of policies) {
    if (!("validateStack" in policy)) continue;
    // The SDK skips a policy for a type that no resource of the stack has.
    if (Reflect.get(policy.validateStack, "__pulumiType") !== undefined) continue;
    const getConfig = <T extends object>() => (config[policy.name] ?? {}) as T;
    await policy.validateStack({ resources: stack, stackTags: new Map(), getConfig, notApplicable }, report(policy));
  }
  return findings;
}

function checkOf({ name, validateResource }: ResourceValidationPolicy) {
  if (typeof validateResource !== "function") throw new Error(`${name} does not look at resources`);
  return validateResource;
}

/** The inputs after every policy whose level is `remediate`. */
async function remedied(policies: readonly Policy[], shown: Shown, config: Config): Promise<object> {
  let inputs = shown.inputs;
  for (const policy of policies) {
    if (policy.enforcementLevel !== "remediate" || !("remediateResource" in policy)) continue;
    const changed = await policy.remediateResource?.(argsOf(shown, inputs, config[policy.name]));
    inputs = changed ?? inputs;
  }
  return inputs;
}

function argsOf(shown: Shown, inputs: object, config: object = {}): ResourceValidationArgs {
  const { type, name, parent, provider } = shown;
  return {
    urn: urnOf(shown),
    type,
    name,
    ...(provider !== undefined && { provider: providerOf(provider) }),
    // As they come over the wire: a copy without fields that are undefined.
    props: unknownCheckingProxy(JSON.parse(JSON.stringify(inputs))),
    ...engineSide(config, parent),
  };
}

function providerOf(name: string) {
  return { type: "pulumi:providers:kubernetes", name, urn: providerUrn(name), props: {} };
}

function stackResource({ type, props, urn, name, opts, provider }: ResourceValidationArgs): PolicyResource {
  const resource = { type, props, urn, name, opts, dependencies: [], propertyDependencies: {} };
  const parent = opts.parent === undefined ? undefined : ({ urn: opts.parent } as PolicyResource);
  const reached = { ...(provider && { provider }), ...(parent && { parent }) };
  return { ...resource, ...reached, isType: () => false, asType: () => undefined };
}
