import * as z from "zod";
import { RULES, STACK_RULES } from "../../policies/all.ts";
import type { Definition, Rule, StackRule } from "../../policies/definition.ts";
import { MEMORY_NOTES } from "../../policies/guard/memory-notes.ts";
import { optionName, SHARED_SETTINGS } from "../../policies/guard/options.ts";
import { advisory, type recommended as Preset, recommended, strict } from "../../policies/presets.ts";
import { asYaml, examplesOf, type Shown } from "./examples.ts";
import { makeWeights, reportsOf, type Weights } from "./reports.ts";
import { GENERATED, table } from "./table.ts";

const SHARED = SHARED_SETTINGS.map((name) => `\`${name}\``).join(", ");

/** A page a policy, and their list, by path in docs/policies. */
export async function policyPages(): Promise<ReadonlyMap<string, string>> {
  const weights = await makeWeights();
  try {
    const pages = new Map([["README.md", indexPage()]]);
    for (const rule of [...RULES, ...STACK_RULES]) pages.set(`${rule.name}.md`, await page(rule, weights));
    pages.set(`${MEMORY_NOTES.name}.md`, notesPage());
    return pages;
  } finally {
    await weights.remove();
  }
}

function indexPage(): string {
  const rows = (rules: readonly (Rule | StackRule)[]) =>
    rules.map((rule) => [
      `[${rule.name}](${rule.name}.md)`,
      rule.description,
      ...[recommended, strict, advisory].map((preset) => levelIn(preset, rule)),
    ]);
  const head = ["policy", "what must be so", "recommended", "strict", "advisory"];
  const isRemedy = ({ level }: Rule) => level === "disabled";
  return [
    GENERATED,
    "# Policies",
    "A policy is an option of `LlmGuard` by its name in camelCase, with a level or with settings. `policies/pack` is the preset `recommended`; `policies/packs` has a pack for each preset.",
    [
      "```ts",
      'import { PolicyPack } from "@pulumi/policy";',
      'import { LlmGuard, recommended } from "pulumi-llmkube/policies";',
      "",
      'new PolicyPack("ours", new LlmGuard({',
      "  ...recommended,",
      '  pinnedSource: "mandatory",',
      '  memoryFits: { hostMemory: "64Gi" },',
      '  exclude: [{ policy: "context-per-slot", name: "default/gemma", reason: "short questions only" }],',
      "}));",
      "```",
    ].join("\n"),
    `\`all\` is the level of every policy that has none of its own. ${SHARED} may be given once for all policies that have them. What \`--policy-pack-config\` sets, by the policy's name, goes before the options. \`exclude\` lets a resource of that name pass, and the report says why.`,
    "## Of a Model or a service",
    table(head, rows(RULES.filter((rule) => !isRemedy(rule)))),
    "## Of the stack, at the end of a preview",
    `Where Macs are declared: as \`LlmNode\`, as \`hosts\`, or in \`hostsFile\` (see [fleet-placement](fleet-placement.md)).`,
    table(head, rows(STACK_RULES)),
    "## What changes a resource",
    "Off unless its own name says `remediate`. The change is in the diff of the preview, and a note says what was changed.",
    table(head, rows(RULES.filter(isRemedy))),
    "## Notes",
    `[${MEMORY_NOTES.name}](${MEMORY_NOTES.name}.md): ${MEMORY_NOTES.description}`,
  ]
    .join("\n\n")
    .concat("\n");
}

function levelIn(preset: typeof Preset, rule: Rule | StackRule): string {
  const own = preset[optionName(rule.name)];
  if (typeof own === "string") return own;
  if (rule.level === "disabled") return rule.level;
  return rule.informsOnly ? "advisory" : (preset.all ?? rule.level);
}

async function page(rule: Rule | StackRule, weights: Weights): Promise<string> {
  return [
    GENERATED,
    `# ${rule.name}`,
    rule.description,
    rule.remedy,
    facts(rule),
    "## Settings",
    settings(rule),
    ...(await examples(rule, weights)),
  ]
    .join("\n\n")
    .concat("\n");
}

function facts({ title, level, severity, tags, name }: Definition): string {
  return table(
    ["", ""],
    [
      ["title", title],
      ["level unless you choose one", level === "disabled" ? "disabled; `remediate` turns it on" : level],
      ["severity", severity],
      ["tags", tags.join(", ")],
      ["option of `LlmGuard`", `\`${optionName(name)}\``],
    ],
  );
}

interface Property {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Property;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Property | boolean;
  readonly default?: unknown;
  readonly description?: string;
}

function settings({ config }: Definition): string {
  const { properties = {} } = z.toJSONSchema(config, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
  }) as Property;
  const entries = Object.entries(properties).flatMap(([name, property]) => rowsOf(name, property));
  if (entries.length === 0) return "None.";
  return table(["setting", "type", "default", "meaning"], entries);
}

function rowsOf(name: string, property: Property): readonly (readonly string[])[] {
  const { items, description = "" } = property;
  const initial = property.default === undefined ? "" : `\`${JSON.stringify(property.default)}\``;
  const inner = items?.properties ?? {};
  return [
    [`\`${name}\``, typeOf(property), initial, description],
    ...Object.entries(inner).flatMap(([key, each]) => rowsOf(`${name}[].${key}`, each)),
  ];
}

function typeOf({ type, enum: choices, items, additionalProperties }: Property): string {
  if (choices !== undefined) return choices.map((choice) => `\`${JSON.stringify(choice)}\``).join(", ");
  if (type === "array") return `list of ${items?.enum === undefined ? (items?.type ?? "values") : typeOf(items)}`;
  if (type === "object" && typeof additionalProperties === "object") {
    return `object of ${additionalProperties.type ?? "values"}`;
  }
  return type ?? "";
}

async function examples(rule: Rule | StackRule, weights: Weights): Promise<readonly string[]> {
  const shown = examplesOf(rule);
  if (shown === undefined) return [];
  const { bad, good } = shown;
  const said = await reportsOf(rule, bad, weights);
  if (said.length === 0) throw new Error(`${rule.name} does not report its own example`);
  const passed = good === undefined ? [] : await reportsOf(rule, good, weights);
  if (passed.length > 0) throw new Error(`${rule.name} reports what it should pass: ${passed.join("\n")}`);
  const isChange = rule.level === "disabled";
  const informs = rule.informsOnly === true;
  return [
    isChange ? "## What it changes" : informs ? "## What it prints" : "## What it reports",
    given(bad, rule),
    block(isChange ? "It notes:" : "The report:", "", said.join("\n")),
    ...(good === undefined ? [] : ["## What it accepts", block("", "yaml", asYaml(good))]),
  ];
}

function given(shown: Shown, rule: Rule | StackRule): string {
  const header = Object.entries(shown.header ?? {}).map(([key, value]) => `\`${key}\` is \`${value}\``);
  const about = [
    ...(header.length === 0 ? [] : [`In the header of the weights ${header.join(", ")}.`]),
    ...(shown.folder === undefined ? [] : [`All of it is rendered to the folder \`${shown.folder}\`.`]),
  ];
  const config = Object.entries(shown.config).map(([name, value]) => {
    const of = name === rule.name ? "" : ` of ${name}`;
    return block(`With the configuration${of}`, "json", JSON.stringify(value));
  });
  return [...config, ...about, block("", "yaml", asYaml(shown))].join("\n\n");
}

function block(lead: string, language: string, text: string): string {
  const fenced = `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
  return lead === "" ? fenced : `${lead}\n\n${fenced}`;
}

function notesPage(): string {
  const { name, description, remediationSteps, severity } = MEMORY_NOTES;
  const rows = [
    ["level", "advisory"],
    ["severity", severity],
    ["option of `LlmGuard`", `\`${optionName(name)}\`: \`advisory\` or \`disabled\``],
  ];
  return [GENERATED, `# ${name}`, description, remediationSteps, table(["", ""], rows)].join("\n\n").concat("\n");
}
