import type { PolicyConfigSchema } from "@pulumi/policy";
import * as z from "zod";
import { explain } from "../../api/explain.ts";
import type { Definition } from "../definition.ts";

const excludeSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1).describe("The name of a Model or an InferenceService, or NAMESPACE/NAME."),
      reason: z.string().min(1).describe("Why it is let pass. It is reported."),
    }),
  )
  .describe("Resources that this policy does not refuse: what it finds is reported as a note, with the reason.")
  .default([]);

export type Exemption = z.output<typeof excludeSchema>[number];

export interface Settings {
  readonly config: Readonly<Record<string, unknown>>;
  readonly exclude: readonly Exemption[];
  /** One clause: what is wrong with the configuration, by the path of the key. `config` is what is left of it without that. */
  readonly fault: string | undefined;
}

/** What the program's options say for one policy, and the engine's configuration for it over that. */
export type ReadSettings = (configured: object) => Settings;

export function settingsReader({ config }: Definition, options: object): ReadSettings {
  const schema = withExclude(config);
  let last: { readonly text: string; readonly settings: Settings } | undefined;
  return (configured) => {
    // The engine hands out a new object each time, and the same contents.
    const text = JSON.stringify(configured);
    if (last?.text !== text)
      last = { text, settings: readSettings(schema, { ...withoutNull(options), ...withoutNull(configured) }) };
    return last.settings;
  };
}

function readSettings(schema: z.ZodObject, given: Record<string, unknown>): Settings {
  const parsed = schema.safeParse(given);
  if (parsed.success) return settingsOf(parsed.data, undefined);
  const fault = explain(schema, given, parsed.error.issues);
  return settingsOf(schema.parse(usable(given, parsed.error.issues)), fault);
}

function settingsOf({ exclude, ...config }: Record<string, unknown>, fault: string | undefined): Settings {
  return { config, exclude: exclude as readonly Exemption[], fault };
}

export function configFault({ name }: Definition, fault: string): string {
  return `The configuration of ${name}: ${fault}`;
}

/** The settings that are in order: a slip in one must not leave everything unchecked. */
function usable(given: Record<string, unknown>, issues: readonly z.core.$ZodIssue[]): Record<string, unknown> {
  const wrong = new Set(issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : [issue.path[0]])));
  return Object.fromEntries(Object.entries(given).filter(([key]) => !wrong.has(key)));
}

function withoutNull(given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
}

/** By this the engine checks a pack's configuration and applies defaults, before any policy runs. */
export function engineSchema({ config }: Definition, options: Readonly<Record<string, unknown>>): PolicyConfigSchema {
  const json = z.toJSONSchema(withExclude(config), { target: "draft-7", io: "input" });
  const properties = Object.entries(json.properties ?? {}).map(([key, property]) => {
    const given = options[key];
    return [key, given === undefined || typeof property === "boolean" ? property : { ...property, default: given }];
  });
  return { properties: Object.fromEntries(properties) };
}

function withExclude(config: z.ZodObject): z.ZodObject {
  return config.extend({ exclude: excludeSchema });
}
