import * as pulumi from "@pulumi/pulumi";
import { checked, type Refuse } from "../inputs/check.ts";
import { isUnknown, withDefault } from "../inputs/unknown.ts";
import type { LlmModelArgs, Serving } from "./args.ts";
import { servingSchema } from "./args-schema.ts";
import { problemOfModel } from "./model-problem.ts";

/** Checked arguments: there is a name, and the settings of serving have names, even where nothing else of them is known. */
export interface CheckedArgs extends Omit<LlmModelArgs, "name" | "serving"> {
  readonly name: pulumi.Input<string>;
  readonly serving?: Serving;
}

/** The arguments of the `LlmModel` of that name, checked: see {@link checked}. */
export function checkedArgs(component: string, args: LlmModelArgs, refuse: Refuse): CheckedArgs {
  const isNamed = (args?.name ?? undefined) !== undefined;
  const given = isObject(args) ? { ...args, name: withDefault(args.name, component) } : args;
  const {
    name = component,
    serving,
    ...rest
  } = checked(given, problemOfModel, (problem) => {
    const ofComponent = !isNamed && problem.startsWith("name is ");
    return refuse(ofComponent ? `${problem}; the name of the component is taken where name is not set` : problem);
  });
  return { ...rest, name, ...(serving !== undefined && { serving: settingsOf(serving, refuse) }) };
}

function settingsOf(serving: pulumi.Input<Serving>, refuse: Refuse): Serving {
  if (!isUnknown(serving)) return serving;
  const known = pulumi
    .output(serving)
    .apply(
      (settings) =>
        settings ?? refuse("serving is an output that is null; leave serving out where nothing serves the model"),
    );
  const settings = Object.keys(servingSchema.shape).map((name) => [name, known.apply((all) => Reflect.get(all, name))]);
  return Object.fromEntries(settings);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isUnknown(value);
}
