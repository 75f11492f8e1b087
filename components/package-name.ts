import type { ComponentResourceOptions } from "@pulumi/pulumi";

/** Name of the Pulumi package: the first part of every type token, and of the packages for other languages. */
export const PACKAGE_NAME = "llmkube";

/** Name of the Pulumi package until 0.1, when it was that of the npm package. */
const FORMER_NAME = "pulumi-llmkube";

/** The type token of a component, for example `llmkube:index:LlmModel`. */
export function componentType(component: string): string {
  return `${PACKAGE_NAME}:index:${component}`;
}

/** The type token that the states of older stacks have. */
export function formerComponentType(component: string): string {
  return `${FORMER_NAME}:index:${component}`;
}

/** `opts` by which a component takes the place of one that is in the state under its former token: nothing is replaced. */
export function withFormerType(
  component: string,
  opts: ComponentResourceOptions | undefined,
): ComponentResourceOptions {
  return { ...opts, aliases: [...(opts?.aliases ?? []), { type: formerComponentType(component) }] };
}
