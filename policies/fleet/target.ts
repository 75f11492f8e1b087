import { isAbsolute, resolve } from "node:path";
import type { StackResource } from "../definition.ts";
import { providerKey } from "../resource-types.ts";

/** Where the manifests of a provider go. */
export interface Target {
  /** Manifests of one target with one kind, namespace and name are one object. */
  readonly key: string;
  /** Name of the provider, for messages where two targets have a model of one name. */
  readonly provider: string | undefined;
  /** The folder that manifests are rendered to, absolute; undefined: a cluster. */
  readonly folder: string | undefined;
}

/** Targets by the URN of their provider. Two providers that render to one folder are one target: they write the same files. */
export function targetsOf(resources: readonly StackResource[]): (provider: string) => Target {
  const targets = new Map<string, Target>();
  for (const { urn, type, name, props } of resources) {
    if (type !== "pulumi:providers:kubernetes") continue;
    const rendered = props()["renderYamlToDirectory"];
    const folder = typeof rendered === "string" && rendered !== "" ? absolute(rendered) : undefined;
    const key = providerKey(urn);
    targets.set(key, { key: folder ?? key, provider: name, folder });
  }
  return (provider) => targets.get(provider) ?? { key: provider, provider: undefined, folder: undefined };
}

/** As it is typed in a program or a configuration: from the folder that a person stood in, which is not the pack's. */
export function absolute(folder: string): string {
  return isAbsolute(folder) ? resolve(folder) : resolve(process.env["PWD"] ?? process.cwd(), folder);
}
