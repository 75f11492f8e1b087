import type {
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { ModelSubject, Rule, ServiceSubject } from "../definition.ts";
import { type Findings, refusal, remark } from "../findings.ts";
import { knownInputs } from "../known-inputs.ts";
import { unknownInPreview } from "../manifest.ts";
import { inArgumentNames, isLlmModel, isOfLlmModel } from "./argument-names.ts";
import { configFault, engineSchema, type ReadSettings, type Settings, settingsReader } from "./config.ts";
import { exempted } from "./exemptions.ts";
import type { Kind, Look, Registry } from "./registry.ts";
import { remediation } from "./remediate.ts";
import { sentences } from "./sentences.ts";
import { onlyWhen } from "./stack-cost.ts";
import type { Voices } from "./voices.ts";

export type ResourcePolicy = ResourceValidationPolicy & StackValidationPolicy;

/** What a rule needs of the guard that it is part of. */
export interface Part {
  readonly rule: Rule;
  readonly registry: Registry;
  readonly settings: ReadSettings;
  readonly voices: Voices;
  /** Of which kinds the rule reports resources that are no valid manifest, unless another has. */
  readonly faultsOf: readonly Kind[];
  /** Services whose Model was not registered before them, by URN; they are checked at the end. */
  readonly waiting: Map<string, Late>;
}

interface Late {
  readonly service: ServiceSubject;
  readonly parent: string | undefined;
}

/** A rule as a Pulumi policy. `options` are what the program sets for it. */
export function resourcePolicy(
  shared: Pick<Part, "rule" | "registry" | "voices" | "faultsOf">,
  options: Readonly<Record<string, unknown>>,
): ResourcePolicy {
  const { rule } = shared;
  const part: Part = { ...shared, settings: settingsReader(rule, options), waiting: new Map() };
  return {
    ...metadataOf(rule),
    configSchema: engineSchema(rule, options),
    ...remediation(part),
    validateResource: (args, report) => validateResource(part, args, report),
    validateStack: onlyWhen(
      () => part.waiting.size > 0,
      (args: StackValidationArgs, report: ReportViolation) => validateLate(part, args.getConfig(), report),
    ),
  };
}

export function metadataOf({ name, title, description, remedy, severity, tags, level }: Omit<Rule, "config">) {
  return {
    name,
    description,
    enforcementLevel: level,
    displayName: title,
    severity,
    tags: [...tags],
    remediationSteps: remedy,
  };
}

async function validateResource(part: Part, args: ResourceValidationArgs, report: ReportViolation): Promise<void> {
  const tell = teller(part, args.urn, args.opts.parent, report);
  const found = await guarded(part, `Resource ${args.name}`, async () => {
    const look = part.registry.look(args, part.rule.name);
    if (look === undefined) return isLlmModel(args.type) ? foresee(part, args) : {};
    const settings = part.settings(args.getConfig());
    part.registry.configured(part.rule.name, settings.config);
    tell(faultOf(part, settings));
    return guarded(part, labelOf(look), () => checkLook(part, look, settings, args.opts.parent));
  });
  tell(found);
}

/** All LlmModels of a program are registered before the first of their Models: time to begin what takes long for all of them at once. */
function foresee({ rule, settings }: Part, { props, getConfig }: ResourceValidationArgs): Findings {
  if (rule.foresee === undefined) return {};
  const { known } = knownInputs(props);
  const { source, mmproj } = known as Readonly<Record<string, unknown>>;
  const sources = [source, mmproj].filter((each) => typeof each === "string");
  rule.foresee(sources, settings(getConfig()).config);
  return {};
}

/** The services that came before their Model; where that is still not there, a note says so already. */
async function validateLate(part: Part, configured: object, report: ReportViolation): Promise<void> {
  const settings = part.settings(configured);
  for (const { service, parent } of part.waiting.values()) {
    const tell = teller(part, service.urn, parent, report);
    tell(await guarded(part, service.label, () => checkJoined(part, service, settings, undefined)));
  }
  part.waiting.clear();
  part.registry.end();
}

function faultOf({ rule, registry }: Part, { fault }: Settings): Findings {
  return fault !== undefined && registry.first(`config ${rule.name} ${fault}`) ? refusal(configFault(rule, fault)) : {};
}

async function checkLook(part: Part, look: Look, settings: Settings, parent: string | undefined): Promise<Findings> {
  const { rule, voices } = part;
  const peers = voices.peersOf(rule.name);
  if (look.state === "faulty") {
    return part.faultsOf.includes(look.kind) ? refusal(look.fault) : {};
  }
  if (look.state === "pending") return remark(unknownInPreview(look.label, look.unknown));
  const { subject } = look;
  const unknown = unknownTo(rule, subject);
  if (unknown.length > 0) return remark(unknownInPreview(subject.label, unknown));
  if (subject.kind === "Model") {
    const found = await rule.checkModel?.(subject, settings.config, peers);
    return exempted(rule.name, settings.exclude, found ?? {}, [subject]);
  }
  const found = await rule.checkService?.(subject, settings.config, peers);
  const own = exempted(rule.name, settings.exclude, found ?? {}, [subject]);
  return together(own, await checkJoined(part, subject, settings, { service: subject, parent }));
}

/** @param late undefined: it is the end, and a service without its Model is left alone */
async function checkJoined(
  part: Part,
  service: ServiceSubject,
  settings: Settings,
  late: Late | undefined,
): Promise<Findings> {
  const { rule, registry, voices, waiting } = part;
  if (rule.checkServed === undefined) return {};
  const joined = registry.join(service);
  if (joined.state === "unknown") return remark(unknownInPreview(service.label, ["spec.modelRef"]));
  if (joined.state === "unusable") return {};
  if (joined.state === "missing") {
    if (late === undefined) return {};
    waiting.set(service.urn, late);
    return remark(
      `${service.label}: ${joined.label} was not registered before it, so it is checked at the end, or not at all if that Model is not in this stack.` +
        " To have it checked before it is created, let it depend on its Model (dependsOn).",
    );
  }
  const { served } = joined;
  const found = await rule.checkServed(served, settings.config, voices.peersOf(rule.name));
  return exempted(rule.name, settings.exclude, found, [served.service, served.model]);
}

function unknownTo({ reads }: Rule, subject: ModelSubject | ServiceSubject): readonly string[] {
  const read = subject.kind === "Model" ? reads?.model : reads?.service;
  // `spec` alone: the whole of it is not known.
  return subject.unknown.filter((path) => read !== undefined && (path === "spec" || read.test(path)));
}

/** An exception from a policy would fail the whole preview or update with a stack trace. */
async function guarded({ rule }: Part, label: string, check: () => Promise<Findings>): Promise<Findings> {
  try {
    return await check();
  } catch (error) {
    const [what] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
    return refusal(`${label} could not be checked by ${rule.name}: ${what}. This is a fault of the policy.`);
  }
}

/** Reports findings in the words of whoever wrote the resource. Notes are kept for memory-notes, because the SDK reports everything at the level of the policy. */
function teller(
  { registry, voices, rule: { name: policy } }: Part,
  urn: string,
  parent: string | undefined,
  report: ReportViolation,
) {
  const words = (text: string) => sentences(isOfLlmModel(parent) ? inArgumentNames(text) : text);
  return ({ refusals = [], notes = [] }: Findings): void => {
    if (refusals.length > 0) registry.refused(policy, urn);
    for (const text of refusals) if (voices.isFirstToSay(policy, urn, text)) report(words(text), urn);
    for (const note of notes) {
      if (typeof note === "string") registry.note(urn, words(note));
      else registry.note(urn, words(note.text), note.unlessRefusedBy);
    }
  };
}

function together(...found: readonly Findings[]): Findings {
  return {
    refusals: found.flatMap(({ refusals = [] }) => refusals),
    notes: found.flatMap(({ notes = [] }) => notes),
  };
}

function labelOf(look: Look): string {
  return look.state === "read" ? look.subject.label : look.label;
}
