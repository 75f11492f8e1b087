import * as pulumi from "@pulumi/pulumi";

/**
 * The error for arguments of a component that are refused: one sentence without a stack. Pulumi writes `error serializing property`
 * before the message of the same error for each property that it passes on its way; this message stays as it is.
 */
export function refusalOf(component: pulumi.ComponentResource, sentence: string): pulumi.ResourceError {
  const error = new pulumi.ResourceError(sentence, component, true);
  return Object.defineProperty(error, "message", { get: () => sentence, set: (_added: string) => undefined });
}
