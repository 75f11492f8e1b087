import { isDeepStrictEqual } from "node:util";
import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import { withoutCredentials } from "../../api/explain.ts";

/** What happens to one Kubernetes object. */
export interface Change {
  readonly op: "create" | "update" | "delete" | "replace";
  /** For people: `Model default/gemma`. */
  readonly object: string;
  /** Fields with what they become, or with what they were and become. */
  readonly fields: readonly FieldChange[];
}

export interface FieldChange {
  /** Path below `spec`. */
  readonly field: string;
  readonly before?: string;
  readonly after?: string;
}

const KUBERNETES = /^kubernetes:.*:(\w+)$/;
const OPS: Readonly<Record<string, Change["op"]>> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
};

/** The change that a step of the engine stands for; undefined where it changes no Kubernetes object. */
export function changeOf({ op, type, old, new: next }: StepEventMetadata): Change | undefined {
  const kind = KUBERNETES.exec(type)?.[1];
  const meant = OPS[op];
  if (kind === undefined || meant === undefined) return undefined;
  const [before, after] = [old?.inputs ?? {}, next?.inputs ?? {}];
  const object = `${kind} ${nameOf(meant === "delete" ? before : after)}`;
  return { op: meant, object, fields: meant === "delete" ? [] : fieldChanges(meant === "create" ? {} : before, after) };
}

/** `default/gemma` of an object's inputs. */
function nameOf(inputs: Readonly<Record<string, unknown>>): string {
  const metadata = inputs["metadata"];
  if (typeof metadata !== "object" || metadata === null) return "?";
  const { name, namespace } = metadata as { name?: unknown; namespace?: unknown };
  return [namespace, name].filter((part) => typeof part === "string").join("/");
}

function fieldChanges(before: object, after: object): readonly FieldChange[] {
  const [was, is] = [leavesOf(before), leavesOf(after)];
  const fields = new Set([...was.keys(), ...is.keys()]);
  return [...fields].flatMap((field) => {
    const [old, next] = [was.get(field), is.get(field)];
    if (isDeepStrictEqual(old, next)) return [];
    return { field, ...(old !== undefined && { before: old }), ...(next !== undefined && { after: next }) };
  });
}

/** The values of an object by their paths. `spec` is not said, the object's own name and kind are said elsewhere. */
function leavesOf(
  value: object,
  path: readonly string[] = [],
  leaves = new Map<string, string>(),
): Map<string, string> {
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    const field = here.join(".").replace(/^spec\./, "");
    if (/^(apiVersion|kind|metadata\.(name|namespace))$/.test(field)) continue;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) leavesOf(inner, here, leaves);
    else leaves.set(field, shownValue(inner));
  }
  return leaves;
}

function shownValue(value: unknown): string {
  if (typeof value === "string") return withoutCredentials(value);
  return Array.isArray(value) ? value.map(String).join(" ") : String(value);
}

const SIGNS = { create: "+", update: "~", delete: "-", replace: "±" } as const;

/** The preview of a change, one field a line. */
export function changeText({ op, object, fields }: Change): string {
  const lines = fields.map(({ field, before, after }) => {
    if (before === undefined) return `      ${field}: ${after}`;
    return `      ${field}: ${before} -> ${after ?? "(default)"}`;
  });
  return [`  ${SIGNS[op]} ${op} ${object}`, ...lines].join("\n");
}

/** What a policy says about a resource. */
export interface Finding {
  readonly policy: string;
  readonly mandatory: boolean;
  readonly message: string;
}

export function findingOf({ policyEvent }: EngineEvent): Finding | undefined {
  if (policyEvent === undefined) return undefined;
  const { policyName: policy, enforcementLevel, message } = policyEvent;
  return { policy, mandatory: enforcementLevel === "mandatory", message: message.trim() };
}

export function findingText({ policy, mandatory, message }: Finding): string {
  const body = message.split("\n").map((line) => `    ${line}`);
  return [`  ${mandatory ? "[mandatory]" : "[advisory]"} ${policy}`, ...body].join("\n");
}

/** A message of the engine or a provider that a person should read. */
export function diagnosticOf({ diagnosticEvent }: EngineEvent): string | undefined {
  if (diagnosticEvent === undefined) return undefined;
  const { severity, message } = diagnosticEvent;
  if (severity !== "warning" && severity !== "error") return undefined;
  const text = message.trim();
  return text === "" ? undefined : `${severity}: ${text.replace(/^(error|warning): /, "")}`;
}
