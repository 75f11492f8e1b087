import type {
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { StackFinding, StackResource, StackRule, StackSubject } from "../definition.ts";
import { knownInputs } from "../known-inputs.ts";
import { kindOf } from "../resource-types.ts";
import { inArgumentNames, isOfLlmModel } from "./argument-names.ts";
import { configFault, engineSchema, type Settings, settingsReader } from "./config.ts";
import { metadataOf } from "./dispatch.ts";
import { exempted } from "./exemptions.ts";
import type { Registry } from "./registry.ts";
import { sentences } from "./sentences.ts";
import { onlyWhen } from "./stack-cost.ts";
import type { Voices } from "./voices.ts";

/** What is read of a resource that the engine, or its own account of a preview, shows. */
export type RegisteredResource = Pick<PolicyResource, "urn" | "type" | "name" | "props"> & {
  readonly provider?: { readonly urn: string };
};

interface Shared {
  readonly rule: StackRule;
  readonly registry: Registry;
  readonly voices: Voices;
}

type Report = (text: string, urn?: string) => void;

/** A rule about the stack as a Pulumi policy. `options` are what the program sets for it. */
export function stackPolicy(
  shared: Shared,
  options: Readonly<Record<string, unknown>>,
): ResourceValidationPolicy & StackValidationPolicy {
  const { rule, registry } = shared;
  const settings = settingsReader(rule, options);
  let hasFault = false;
  return {
    ...metadataOf(rule),
    configSchema: engineSchema(rule, options),
    // Asked about the first resource alone, so that the rules before it know what it is configured with.
    validateResource: onlyWhen(
      () => registry.configOf(rule.name) === undefined,
      ({ getConfig }: ResourceValidationArgs) => {
        const { config, fault } = settings(getConfig());
        hasFault = fault !== undefined;
        registry.configured(rule.name, config);
      },
    ),
    validateStack: onlyWhen(
      () => hasFault || (rule.concerns?.(registry.registered(), registry.configOf(rule.name) ?? {}) ?? true),
      (args: StackValidationArgs, report: Report) => validateStack(shared, settings(args.getConfig()), args, report),
    ),
  };
}

async function validateStack(
  { rule, registry, voices }: Shared,
  { config, exclude, fault }: Settings,
  args: StackValidationArgs,
  report: Report,
): Promise<void> {
  if (fault !== undefined && registry.first(`config ${rule.name} ${fault}`))
    report(sentences(configFault(rule, fault)));
  try {
    const stack = subjectsOf(args.resources, registry);
    for (const finding of await rule.checkStack(stack, config, voices.peersOf(rule.name))) tell(finding);
  } catch (error) {
    const [what] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
    report(`The stack could not be checked by ${rule.name}: ${what}. This is a fault of the policy.`);
  }

  function tell({ text, about }: StackFinding): void {
    if (about === undefined) {
      report(isOfLlmModels(args.resources) ? inArgumentNames(text) : text);
      return;
    }
    const { refusals, notes } = exempted(rule.name, exclude, { refusals: [text] }, [about]);
    const parent = args.resources.find(({ urn }) => urn === about.urn)?.parent?.urn;
    const words = (written: string) => sentences(isOfLlmModel(parent) ? inArgumentNames(written) : written);
    if (refusals.length > 0) registry.refused(rule.name, about.urn);
    for (const refusal of refusals) report(words(refusal), about.urn);
    for (const note of notes) registry.note(about.urn, words(typeof note === "string" ? note : note.text));
  }
}

/** Whoever wrote the stack knows the arguments of LlmModel alone. */
function isOfLlmModels(resources: readonly PolicyResource[]): boolean {
  return resources.every(({ type, parent }) => kindOf(type) === undefined || isOfLlmModel(parent?.urn));
}

/** The Models and services of the stack as they were registered; those that were not, because only others were asked for, as they are. */
export function subjectsOf(resources: readonly RegisteredResource[], registry: Registry): StackSubject {
  const looks = resources.flatMap((resource) => registry.recall({ ...resource, props: manifestOf(resource) }) ?? []);
  const subjects = looks.flatMap((look) => (look.state === "read" ? [look.subject] : []));
  return {
    models: subjects.filter((subject) => subject.kind === "Model"),
    services: subjects.filter((subject) => subject.kind === "InferenceService"),
    served: (service) => {
      const joined = registry.join(service);
      return joined.state === "joined" ? joined.served : undefined;
    },
    resources: resources.map(stackResource),
    scope: registry.registered().scope,
    configOf: registry.configOf,
  };
}

function stackResource({ urn, type, name, props }: RegisteredResource): StackResource {
  return {
    urn,
    type,
    name,
    props: () => knownInputs(props).known as Readonly<Record<string, unknown>>,
    unknown: () => knownInputs(props).unknown,
  };
}

const MANIFEST = ["apiVersion", "kind", "metadata", "spec"];

/** Outputs of a resource have more than its manifest: a status, and what the provider keeps for itself. Reading one that is not known throws. */
function manifestOf({ props }: RegisteredResource): Readonly<Record<string, unknown>> {
  const keys = MANIFEST.filter((key) => key in props);
  return Object.defineProperties(
    {},
    Object.fromEntries(keys.map((key) => [key, { enumerable: true, get: () => Reflect.get(props, key) }])),
  );
}
