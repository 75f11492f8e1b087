import type { ResourceValidationArgs } from "@pulumi/policy";

/** What the SDK adds to a resource before a policy sees it: options without a choice of the program, and the pack's configuration. */
export function engineSide(
  config: object,
  parent: string | undefined,
): Omit<ResourceValidationArgs, "urn" | "type" | "name" | "props" | "provider"> {
  return {
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
      additionalSecretOutputs: [],
      ...(parent !== undefined && { parent }),
    },
    stackTags: new Map(),
    isType: () => false,
    asType: () => undefined,
    getConfig: <T extends object>() => config as T,
    notApplicable,
  };
}

export function notApplicable(): never {
  throw new Error("a policy called notApplicable");
}
