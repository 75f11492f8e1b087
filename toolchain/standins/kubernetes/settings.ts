import { type Properties, UNKNOWN, unwrap, type Value } from "../values.ts";

/** The part of the provider's configuration that the stand-in supports. */
export interface Settings {
  /** Absolute, or relative to the program's directory (which is the plugin's working directory). */
  directory: string;
  /** The namespace of namespaced objects that name none. */
  namespace: string;
}

/** The error for every use other than rendering. */
export const RENDERS_ONLY =
  "this is a stand-in for the kubernetes provider that only renders YAML: set renderYamlToDirectory on the provider, " +
  "or install the official plugin (pulumi plugin install resource kubernetes) to work with a cluster";

export interface Problem {
  /** Empty if the problem concerns the whole resource. */
  property: string;
  reason: string;
}

function given(value: Value | undefined): boolean {
  const plain = unwrap(value ?? null);
  return plain !== null && plain !== "" && plain !== false && plain !== "false";
}

/** Why a provider resource's inputs cannot be used. An unknown directory is accepted: it will be known at update. */
export function problemsWith(inputs: Properties): Problem[] {
  if (!given(inputs["renderYamlToDirectory"])) return [{ property: "", reason: RENDERS_ONLY }];
  return ["cluster", "context", "kubeconfig"]
    .filter((property) => given(inputs[property]))
    .map((property) => ({
      property,
      reason: `"${property}" cannot be combined with "renderYamlToDirectory": remove one of the two`,
    }));
}

/**
 * Reads the variables of Configure; values other than strings are JSON. Throws RENDERS_ONLY if no directory is given.
 */
export function settingsFrom(variables: ReadonlyMap<string, string>): Settings {
  const directory = variables.get("kubernetes:config:renderYamlToDirectory") ?? "";
  if (directory === "" || directory === UNKNOWN) throw new Error(RENDERS_ONLY);
  return { directory, namespace: variables.get("kubernetes:config:namespace") || "default" };
}
