import * as pulumi from "@pulumi/pulumi";
import {
  checkAliases,
  GATEWAY_ANNOTATION,
  ON_DEMAND_ANNOTATIONS,
  parseIdleUnload,
  parseOnDemand,
  parsePromptCache,
  parseSavedSlots,
} from "../../api/on-demand.ts";
import { ok, type Result } from "../../api/result.ts";
import { parseGateway } from "../../serving/gateway-address.ts";
import { isUnknown } from "../inputs/unknown.ts";
import type { LlmModelArgs, Serving } from "./args.ts";
import type { KnownArgs } from "./args-schema.ts";

/** The settings of serving for which the InferenceService has no field, but an annotation. */
export type OnDemandSettings = Pick<Serving, "idleUnload" | "aliases" | "promptCache" | "savedSlots">;

/** The same once they are known. */
export interface KnownSettings {
  readonly idleUnload?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly promptCache?: string | undefined;
  readonly savedSlots?: string | undefined;
}

type Annotations = Readonly<Record<string, string>>;

/** What is wrong with these settings as far as they are text, by their names, in the order of their names. */
export function onDemandFaults(settings: KnownSettings): ReadonlyMap<string, string> {
  const { aliases, idleUnload, promptCache, savedSlots } = settings;
  const checks: Readonly<Record<string, Result<unknown>>> = {
    aliases: checkAliases(aliases ?? []),
    idleUnload: idleUnload === undefined ? ok(undefined) : parseIdleUnload(idleUnload),
    promptCache: promptCache === undefined ? ok(undefined) : parsePromptCache(promptCache),
    savedSlots: savedSlots === undefined ? ok(undefined) : parseSavedSlots(savedSlots),
  };
  return new Map(Object.entries(checks).flatMap(([name, found]) => (found.ok ? [] : [[name, found.error]])));
}

/** Annotations win over the settings that they stand for, so these are judged too. */
export function onDemandProblem({ serving, annotations }: KnownArgs, missing: ReadonlySet<string>): string | undefined {
  const { aliases, ...others } = serving ?? {};
  const areAliasesKnown = ![...missing].some((path) => path.startsWith("serving.aliases"));
  const [fault] = onDemandFaults({ ...others, ...(areAliasesKnown && { aliases }) });
  if (fault !== undefined) return `serving.${fault[0]}: ${fault[1]}`;
  if (serving === undefined) return undefined;
  const overridden = parseOnDemand(annotations);
  return overridden.ok ? undefined : overridden.error.replace(/^metadata\./, "");
}

/** The annotations of an InferenceService with these settings; undefined: it has none. Plain settings result in a plain object. */
export function onDemandAnnotations(
  { idleUnload, aliases, promptCache, savedSlots }: OnDemandSettings,
  gateway: LlmModelArgs["gateway"],
): pulumi.Input<Annotations | undefined> {
  const given = { idleUnload, aliases, promptCache, savedSlots, gateway };
  const isPlain = ![...Object.values(given), ...(isList(aliases) ? aliases : [])].some(isUnknown);
  if (isPlain) return annotationsFor(given as Known);
  return pulumi.output(given).apply((known) => annotationsFor(known as Known));
}

interface Known extends KnownSettings {
  readonly gateway?: string | undefined;
}

function annotationsFor({
  idleUnload,
  aliases = [],
  promptCache,
  savedSlots,
  gateway,
}: Known): Annotations | undefined {
  const origin = gateway === undefined ? undefined : parseGateway(gateway);
  const annotations = {
    ...(idleUnload !== undefined && { [ON_DEMAND_ANNOTATIONS.idleUnload]: idleUnload }),
    ...(aliases.length > 0 && { [ON_DEMAND_ANNOTATIONS.aliases]: aliases.join(",") }),
    ...(promptCache !== undefined && { [ON_DEMAND_ANNOTATIONS.promptCache]: promptCache }),
    ...(savedSlots !== undefined && { [ON_DEMAND_ANNOTATIONS.savedSlots]: savedSlots }),
    ...(origin?.ok && { [GATEWAY_ANNOTATION]: origin.value.origin }),
  };
  return Object.keys(annotations).length > 0 ? annotations : undefined;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
