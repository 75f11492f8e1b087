import type { ComponentResource, ComponentResourceOptions, Inputs, provider } from "@pulumi/pulumi";
import { componentType } from "./package-name.ts";

// Arguments come from another language; each component checks its own.
type Component = new (name: string, args: never, opts?: ComponentResourceOptions) => ComponentResource;

interface Schema {
  readonly version: string;
  readonly resources: Readonly<Record<string, { readonly properties: object }>>;
}

/** Serves `schema` and makes the components that it describes; a component's outputs are the properties there. */
export function componentProvider(schema: string, components: Readonly<Record<string, Component>>): provider.Provider {
  const { version, resources }: Schema = JSON.parse(schema);
  const byType = new Map(Object.entries(components).map(([name, one]) => [componentType(name), one]));
  return {
    version,
    schema,
    construct: async (name, type, inputs, options) => {
      const Component = byType.get(type);
      if (Component === undefined) {
        throw new Error(`there is no component ${type}; there are ${[...byType.keys()].join(", ")}`);
      }
      const made: ComponentResource & Inputs = new Component(name, inputs as never, options);
      const outputs = Object.keys(resources[type]?.properties ?? {});
      return { urn: made.urn, state: Object.fromEntries(outputs.map((output) => [output, made[output]])) };
    },
  };
}
