import type { ResourceRemediation, ResourceValidationArgs } from "@pulumi/policy";
import type { ModelSubject, Remedied, Remedy, Rule, ServiceSubject } from "../definition.ts";
import { inArgumentNames, isOfLlmModel } from "./argument-names.ts";
import type { ReadSettings } from "./config.ts";
import type { Registry } from "./registry.ts";

interface Part {
  readonly rule: Rule;
  readonly registry: Registry;
  readonly settings: ReadSettings;
}

/** What the engine asks before a resource is made where the rule's level is `remediate`; nothing for a rule that changes nothing. */
export function remediation(part: Part): { readonly remediateResource?: ResourceRemediation } {
  const { remediateModel, remediateServed } = part.rule;
  return remediateModel === undefined && remediateServed === undefined
    ? {}
    : { remediateResource: (args) => remediate(part, args) };
}

/** All inputs of the resource, with the changes: those that are not known yet and those that are secret stay what they are. */
async function remediate(part: Part, args: ResourceValidationArgs): Promise<Record<string, unknown> | undefined> {
  const { rule, registry, settings } = part;
  const look = registry.glance(args);
  if (look?.state !== "read") return undefined;
  const { config, exclude } = settings(args.getConfig());
  const { subject } = look;
  const isExcluded = exclude.some(
    ({ name }) => name === subject.name || name === `${subject.namespace}/${subject.name}`,
  );
  if (isExcluded || reads(rule, subject).length > 0) return undefined;
  const remedy = await remedyFor(part, subject, config);
  if (remedy === undefined) return undefined;
  const changes = Object.entries(remedy.changes);
  for (const [path, value] of changes) put(args.props, path.split("."), value);
  registry.note(args.urn, isOfLlmModel(args.opts?.parent) ? inArgumentNames(remedy.note) : remedy.note);
  return changes.length === 0 ? undefined : args.props;
}

/** A resource that cannot be changed stays as it is, and the policies say what is wrong with it. */
async function remedyFor(
  { rule, registry }: Part,
  subject: ModelSubject | ServiceSubject,
  config: Readonly<Record<string, unknown>>,
): Promise<Remedied> {
  try {
    if (subject.kind === "Model") return await rule.remediateModel?.(subject, config);
    if (rule.remediateServed === undefined) return undefined;
    const joined = registry.join(subject);
    if (joined.state !== "joined") return undefined;
    const { model, draft } = joined.served;
    const isUnknown = [model, draft].some((each) => each !== undefined && reads(rule, each).length > 0);
    return isUnknown ? undefined : await rule.remediateServed(joined.served, config);
  } catch (error) {
    const [what] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
    const note = `${subject.label} could not be changed by ${rule.name}: ${what}. This is a fault of the policy.`;
    return { changes: {}, note } satisfies Remedy;
  }
}

/** Which of the fields that the rule reads are not known yet. */
function reads({ reads: read }: Rule, subject: ModelSubject | ServiceSubject): readonly string[] {
  const fields = subject.kind === "Model" ? read?.model : read?.service;
  return subject.unknown.filter((path) => path === "spec" || fields?.test(path));
}

function put(object: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: string | number): void {
  if (rest.length === 0) {
    object[key] = value;
    return;
  }
  object[key] ??= {};
  put(object[key] as Record<string, unknown>, rest, value);
}
