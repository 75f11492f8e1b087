import { createHash } from "node:crypto";

/** Where deployments go: a folder that an agent on this machine reads, or a cluster. */
export type Target =
  | { readonly kind: "manifests"; readonly folder: string }
  | { readonly kind: "cluster"; readonly context: string; readonly kubeconfig: string | undefined };

/** The provider of a target: its name in the stack, and its arguments. */
export interface TargetProvider {
  readonly name: string;
  readonly args: Readonly<Record<string, string>>;
}

export function providerOf(target: Target): TargetProvider {
  if (target.kind === "manifests") {
    // Without the empty kubeconfig the provider would take that of the shell, and refuse it beside a folder to render to.
    return { name: "manifests", args: { renderYamlToDirectory: target.folder, kubeconfig: "" } };
  }
  const { context, kubeconfig } = target;
  return { name: "cluster", args: { context, ...(kubeconfig !== undefined && { kubeconfig }) } };
}

/** The target of a provider's inputs, as a stack keeps them; undefined if `deploy` never makes such a provider. */
export function targetOf(inputs: Readonly<Record<string, unknown>>): Target | undefined {
  const { renderYamlToDirectory: folder, context, kubeconfig } = inputs;
  if (typeof folder === "string") return { kind: "manifests", folder };
  if (typeof context !== "string") return undefined;
  return { kind: "cluster", context, kubeconfig: typeof kubeconfig === "string" ? kubeconfig : undefined };
}

/** Host in the endpoints of a target; undefined: the component's own default, the name of the Service. */
export function endpointHostOf(target: Target): string | undefined {
  return target.kind === "manifests" ? "127.0.0.1" : undefined;
}

export function targetText(target: Target): string {
  return target.kind === "manifests" ? target.folder : `cluster ${target.context}`;
}

const LONGEST_SLUG = 40;

/**
 * The stack of a target: all deployments of one folder, or of one context, so that a preview sees them side by side.
 *
 * @param place whose folders these are: `local` in a backend of this user's own, else the name of this machine
 */
export function stackNameOf(target: Target, place: string): string {
  if (target.kind === "manifests") return `${slug(place)}-${digest([target.folder])}`;
  return `cluster-${slug(target.context)}-${digest([target.context, target.kubeconfig ?? ""])}`;
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")
      .slice(0, LONGEST_SLUG) || "x"
  );
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 8);
}
