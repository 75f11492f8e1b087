import { isAbsolute, resolve } from "node:path";
import { knownInputs } from "../known-inputs.ts";
import type { StackResource } from "./resource.ts";

/** Where the manifests of a resource go. */
export interface Target {
  /** Resources of one target with one kind, namespace and name are one object. */
  readonly key: string;
  /** Of the provider, for messages where two targets have a model of one name. */
  readonly provider: string | undefined;
  /** The folder that manifests are rendered to, absolute; undefined: a cluster. */
  readonly folder: string | undefined;
}

/** Two providers that render to one folder are one target: they write the same files. */
export function targetOf({ provider }: StackResource): Target {
  const { known } = knownInputs(provider?.props ?? {});
  const rendered = (known as { renderYamlToDirectory?: unknown }).renderYamlToDirectory;
  const folder = typeof rendered === "string" && rendered !== "" ? absolute(rendered) : undefined;
  return { key: folder ?? provider?.urn ?? "", provider: provider?.name, folder };
}

/** As it is typed in a program or a configuration: from the folder that a person stood in, which is not the pack's. */
export function absolute(folder: string): string {
  return isAbsolute(folder) ? resolve(folder) : resolve(process.env["PWD"] ?? process.cwd(), folder);
}
