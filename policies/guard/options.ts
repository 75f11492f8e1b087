import { nearest, shown } from "../../api/explain.ts";
import { type Definition, LEVELS, type Level } from "../definition.ts";
import { settingsReader } from "./config.ts";

/** Settings that may be given once for all policies that have them. */
export const SHARED_SETTINGS = ["hostMemory", "hosts", "hostsFile", "sizes"] as const;

export interface Exclusion {
  /** The policy's name, for example `context-per-slot`. */
  readonly policy: string;
  /** The name of a Model or an InferenceService, or NAMESPACE/NAME. */
  readonly name: string;
  /** Why it is let pass. It is reported. */
  readonly reason: string;
}

/** What the options say for one policy. */
export interface Chosen {
  readonly level: Level;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Which of the settings were given once for all policies. */
  readonly shared: readonly string[];
}

export interface Choices {
  readonly of: (definition: Definition) => Chosen;
  /** One sentence each. */
  readonly problems: readonly string[];
}

/** `memory-fits` as an option: `memoryFits`. */
export function optionName(policy: string): string {
  return policy.replaceAll(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase());
}

/** Reads the options of LlmGuard for these policies. Null is as good as left out. */
export function readOptions(given: Readonly<Record<string, unknown>>, definitions: readonly Definition[]): Choices {
  const options = new Map(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
  const shared = SHARED_SETTINGS.filter((key) => definitions.some(({ config }) => key in config.shape));
  const exclusions = readExclusions(options.get("exclude"), definitions);
  const all = options.get("all");
  const problems = [
    ...unknownKeys([...options.keys()], [...definitions.map(({ name }) => optionName(name)), ...shared]),
    ...levelProblem("all", all, ["advisory", "mandatory", "disabled"]),
    ...exclusions.problems,
    ...definitions.flatMap((definition) => policyProblems(definition, options.get(optionName(definition.name)))),
  ];

  function of(definition: Definition): Chosen {
    const own = options.get(optionName(definition.name));
    // What is off by itself changes or asks something that only its name can turn on.
    const otherwise = definition.level === "disabled" ? undefined : all;
    const { level, ...settings } = typeof own === "object" ? (own as Record<string, unknown>) : { level: own };
    const inherited = shared.filter((key) => key in definition.config.shape && options.has(key) && !(key in settings));
    const exclude = exclusions.of(definition.name);
    const wanted = ((level ?? otherwise) as Level | undefined) ?? definition.level;
    return {
      level: definition.informsOnly && wanted !== "disabled" ? "advisory" : wanted,
      settings: {
        ...(exclude.length > 0 && { exclude }),
        ...Object.fromEntries(inherited.map((key) => [key, options.get(key)])),
        ...settings,
      },
      shared: inherited,
    };
  }
  return { of, problems: problems.length > 0 ? problems : settingProblems(definitions, of) };
}

/** What is wrong with the settings of policies, once where several share them. */
function settingProblems(definitions: readonly Definition[], of: Choices["of"]): readonly string[] {
  const problems = definitions.flatMap((definition) => {
    const { fault } = settingsReader(definition, of(definition).settings)({});
    if (fault === undefined) return [];
    const [key] = fault.match(/^\w+/) ?? [];
    return [of(definition).shared.some((each) => each === key) ? fault : `${optionName(definition.name)}.${fault}`];
  });
  return [...new Set(problems)];
}

function unknownKeys(given: readonly string[], policies: readonly string[]): readonly string[] {
  const known = ["all", "exclude", ...policies];
  return given
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = nearest(key, known);
      return `${key} is no policy and no option${meant === undefined ? `; they are ${known.join(", ")}` : `; did you mean ${meant}?`}`;
    });
}

function policyProblems(definition: Definition, given: unknown): readonly string[] {
  const path = optionName(definition.name);
  const levels = LEVELS.filter((level) => level !== "remediate" || canRemediate(definition));
  if (given === undefined || typeof given === "string") return levelProblem(path, given, levels);
  if (typeof given !== "object" || Array.isArray(given)) {
    return [`${path} is ${shown(given)}; it must be one of ${levels.join(", ")}, or an object with level and settings`];
  }
  return levelProblem(`${path}.level`, (given as { level?: unknown }).level ?? undefined, levels);
}

export function levelProblem(path: string, given: unknown, levels: readonly Level[]): readonly string[] {
  if (given === undefined || levels.some((level) => level === given)) return [];
  return [`${path} is ${shown(given)}; it must be one of ${levels.join(", ")}`];
}

function canRemediate(definition: Definition): boolean {
  return "remediateModel" in definition || "remediateServed" in definition;
}

function readExclusions(given: unknown, definitions: readonly Definition[]) {
  const items: readonly unknown[] = Array.isArray(given) ? given : [];
  const problems: string[] =
    given === undefined || Array.isArray(given) ? [] : [`exclude is ${shown(given)}; it must be a list`];
  const names = definitions.map(({ name }) => name);
  for (const [index, item] of items.entries()) {
    const { policy } = (item ?? {}) as { policy?: unknown };
    if (typeof policy === "string" && names.includes(policy)) continue;
    const meant = typeof policy === "string" ? nearest(policy, names) : undefined;
    problems.push(
      `exclude[${index}].policy is ${shown(policy)}; it must be the name of a policy${meant === undefined ? "" : `: did you mean ${meant}?`}`,
    );
  }
  return {
    problems,
    of: (name: string) =>
      (items as readonly Exclusion[])
        .filter((item) => item?.policy === name)
        .map(({ policy: _policy, ...rest }) => rest),
  };
}
