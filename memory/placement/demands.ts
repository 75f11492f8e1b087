import type { Host, Taint } from "./host.ts";

/** One requirement on a label of a Node, as `core/v1 NodeSelectorRequirement`. */
export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values?: readonly string[];
}

/** All of its requirements must hold; one without any matches nothing. */
export interface Term {
  readonly matchExpressions?: readonly Requirement[];
  /** On the field `metadata.name`. */
  readonly matchFields?: readonly Requirement[];
}

export interface Toleration {
  /** Undefined with `Exists`: every taint. */
  readonly key?: string | undefined;
  readonly operator?: "Equal" | "Exists" | undefined;
  readonly value?: string | undefined;
  /** Undefined: every effect. */
  readonly effect?: string | undefined;
}

/** What a pod asks of the Node that it is put on, apart from room. */
export interface Demands {
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** One of these must hold; undefined: no demand. */
  readonly terms: readonly Term[] | undefined;
  readonly tolerations: readonly Toleration[];
}

/** Why a host is none for a pod, however much room it has. */
export type Mismatch = "cordoned" | "taint" | "labels";

const CORDONED: Taint = { key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" };

/** Undefined: it may be put there, as far as labels and taints go. The first of the scheduler's own order is named. */
export function mismatch(demands: Demands, host: Host): Mismatch | undefined {
  const tolerated = (taint: Taint) => demands.tolerations.some((toleration) => tolerates(toleration, taint));
  if (host.unschedulable && !tolerated(CORDONED)) return "cordoned";
  const keepsAway = ({ effect }: Taint) => effect === "NoSchedule" || effect === "NoExecute";
  if (host.taints.some((taint) => keepsAway(taint) && !tolerated(taint))) return "taint";
  return matchesLabels(demands, host) ? undefined : "labels";
}

function matchesLabels({ nodeSelector, terms }: Demands, host: Host): boolean {
  const selected = Object.entries(nodeSelector).every(([key, value]) => host.labels[key] === value);
  return selected && (terms === undefined || terms.some((term) => matchesTerm(term, host)));
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, { labels, name }: Host): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields: Readonly<Record<string, string>> = { "metadata.name": name };
  return (
    matchExpressions.every((requirement) => holds(requirement, labels)) &&
    matchFields.every((requirement) => holds(requirement, fields))
  );
}

function holds({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt":
      return compares(operator, value, values[0]);
  }
}

/** Whole numbers of 64 bits, as the scheduler reads them; anything else compares as false. */
function compares(operator: "Gt" | "Lt", label: string | undefined, bound: string | undefined): boolean {
  if (label === undefined || bound === undefined || !WHOLE.test(label) || !WHOLE.test(bound)) return false;
  return operator === "Gt" ? BigInt(label) > BigInt(bound) : BigInt(label) < BigInt(bound);
}

const WHOLE = /^[+-]?\d{1,18}$/;

function tolerates({ key, operator = "Equal", value = "", effect }: Toleration, taint: Taint): boolean {
  if (effect !== undefined && effect !== "" && effect !== taint.effect) return false;
  if (key === undefined || key === "") return operator === "Exists";
  if (key !== taint.key) return false;
  return operator === "Exists" || value === taint.value;
}
