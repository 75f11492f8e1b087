import { join } from "node:path";
import { stringify } from "yaml";
import { isProperties, type Properties, UNKNOWN, unwrapProperties } from "../values.ts";

/** The identity of a manifest. `namespace` is absent for cluster-scoped objects. */
export interface Identity {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

// The typed CRD classes of every SDK spell these keys with underscores, Kubernetes with dashes (pulumi-kubernetes, provider.go).
const EXTENSION_KEYS = [
  "embedded_resource",
  "int_or_string",
  "list_map_keys",
  "list_type",
  "map_type",
  "preserve_unknown_fields",
  "validations",
];
const DASHED = new Map(
  EXTENSION_KEYS.map((key) => [`x_kubernetes_${key}`, `x-kubernetes-${key.replaceAll("_", "-")}`]),
);
const UNDERSCORED = new Map([...DASHED].map(([underscored, dashed]) => [dashed, underscored]));

export const dashedKey = (key: string): string => DASHED.get(key) ?? key;
export const underscoredKey = (key: string): string => UNDERSCORED.get(key) ?? key;

function text(value: unknown): string {
  return typeof value === "string" && value !== UNKNOWN ? value : "";
}

/** Reads the identity of plain (unwrapped) inputs. A value that is missing or not known yet is an empty string. */
export function identify(inputs: Properties): Identity {
  const metadata = isProperties(inputs["metadata"]) ? inputs["metadata"] : {};
  const namespace = text(metadata["namespace"]);
  return {
    apiVersion: text(inputs["apiVersion"]),
    kind: text(inputs["kind"]),
    name: text(metadata["name"]),
    ...(namespace !== "" && { namespace }),
  };
}

/** The resource ID that the official provider gives: `namespace/name`, or `name` for cluster-scoped objects. */
export function resourceId({ name, namespace }: Identity): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Where the official provider renders an object, relative to `renderYamlToDirectory`. */
export function manifestPath({ apiVersion, kind, name, namespace = "default" }: Identity): string {
  const folder = kind === "CustomResourceDefinition" ? "0-crd" : "1-manifest";
  const group = apiVersion.replaceAll(/[/:]/g, "_");
  return join(folder, `${group}-${kind.toLowerCase()}-${namespace}-${name}.yaml`);
}

/**
 * Why an object cannot be rendered, or undefined. A name with a slash would leave the directory; Kubernetes forbids
 * such names too.
 */
export function unrenderable({ apiVersion, kind, name, namespace = "" }: Identity): string | undefined {
  if (apiVersion === "" || kind === "") return "it has no apiVersion and kind, so it is no Kubernetes object to render";
  if (name === "") return "metadata.name is empty";
  const unsafe = [apiVersion.split("/").slice(2).join(""), kind, name, namespace].find((part) => /[/\\\0]/.test(part));
  return unsafe === undefined
    ? undefined
    : `${JSON.stringify(unsafe)} contains a slash, which is not allowed in Kubernetes names`;
}

/**
 * The manifest file's text: sorted keys, unindented lists, as the official provider writes them. Secrets are in plain
 * text.
 */
export function manifestYaml(inputs: Properties): string {
  return stringify(unwrapProperties(inputs), {
    sortMapEntries: true,
    indentSeq: false,
    lineWidth: 0,
    compat: "yaml-1.1",
    aliasDuplicateObjects: false,
  });
}
