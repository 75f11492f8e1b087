import schema from "../../schema.json" with { type: "json" };
import { GENERATED, table } from "./table.ts";

interface Property {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Property;
  readonly additionalProperties?: Property;
  readonly plain?: boolean;
  readonly default?: unknown;
  readonly description?: string;
}

interface Resource {
  readonly description?: string;
  readonly inputProperties?: Readonly<Record<string, Property>>;
  readonly requiredInputs?: readonly string[];
  readonly properties?: Readonly<Record<string, Property>>;
}

interface Type {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly enum?: readonly { readonly value: unknown; readonly description?: string }[];
}

const RESOURCES: Readonly<Record<string, Resource>> = schema.resources;
const TYPES: Readonly<Record<string, Type>> = schema.types;

/** A page a component, and their list, by path in docs/components. */
export function componentPages(): ReadonlyMap<string, string> {
  const pages = Object.entries(RESOURCES).map(
    ([token, resource]) => [`${nameOf(token)}.md`, page(token, resource)] as const,
  );
  return new Map([["README.md", indexPage()], ...pages]);
}

function indexPage(): string {
  const rows = Object.entries(RESOURCES).map(([token, { description = "" }]) => {
    const [first = ""] = description.split("\n\n");
    return [`[${nameOf(token)}](${nameOf(token)}.md)`, first];
  });
  const other =
    "The same arguments and outputs are in schema.json, from which Pulumi generates the packages for other languages.";
  return [GENERATED, "# Components", table(["component", ""], rows), other].join("\n\n").concat("\n");
}

function page(
  token: string,
  { description = "", inputProperties = {}, requiredInputs = [], properties = {} }: Resource,
) {
  const types = typesOf([...Object.values(inputProperties), ...Object.values(properties)]);
  return [
    GENERATED,
    `# ${nameOf(token)}`,
    description,
    `Its type is \`${token}\`. An argument takes an output too, unless it is marked as plain. All arguments are optional${requiredInputs.length === 0 ? "" : `, but ${requiredInputs.join(", ")}`}.`,
    "## Arguments",
    table(["argument", "type", "default", "meaning"], rowsOf(inputProperties)),
    "## Outputs",
    table(
      ["output", "type", "meaning"],
      rowsOf(properties).map(([name = "", type = "", , meaning = ""]) => [name, type, meaning]),
    ),
    ...types.flatMap(([name, type]) => typeSection(name, type)),
  ]
    .join("\n\n")
    .concat("\n");
}

function rowsOf(properties: Readonly<Record<string, Property>>): readonly (readonly string[])[] {
  return Object.entries(properties).map(([name, property]) => [
    `\`${name}\``,
    `${typeText(property)}${property.plain ? " (plain)" : ""}`,
    property.default === undefined ? "" : `\`${JSON.stringify(property.default)}\``,
    property.description ?? "",
  ]);
}

function typeSection(token: string, { description, properties, enum: values }: Type): readonly string[] {
  const title = `## ${nameOf(token)}`;
  const about = description === undefined ? [] : [description];
  if (values !== undefined) {
    const rows = values.map(({ value, description: meaning = "" }) => [`\`${String(value)}\``, meaning]);
    const text = rows.some(([, meaning]) => meaning !== "")
      ? table(["value", "meaning"], rows)
      : `One of ${rows.map(([value]) => value).join(", ")}.`;
    return [title, ...about, text];
  }
  return [title, ...about, table(["field", "type", "default", "meaning"], rowsOf(properties ?? {}))];
}

/** All types that these properties name, at whatever depth, each once. */
function typesOf(
  properties: readonly Property[],
  seen: ReadonlySet<string> = new Set(),
): readonly (readonly [string, Type])[] {
  const found = new Map<string, Type>();
  for (const token of properties.flatMap(refsOf)) {
    const type = TYPES[token];
    if (type === undefined || seen.has(token) || found.has(token)) continue;
    found.set(token, type);
    const inner = typesOf(Object.values(type.properties ?? {}), new Set([...seen, ...found.keys()]));
    for (const [name, each] of inner) found.set(name, each);
  }
  return [...found];
}

function refsOf({ $ref, items, additionalProperties }: Property): readonly string[] {
  const inner = [items, additionalProperties].flatMap((each) => (each === undefined ? [] : refsOf(each)));
  const own = $ref?.match(/^#\/types\/(.*)$/)?.[1];
  return own === undefined ? inner : [own, ...inner];
}

function typeText({ type, $ref, items, additionalProperties }: Property): string {
  const token = $ref?.match(/^#\/types\/(.*)$/)?.[1];
  if (token !== undefined) return `[${nameOf(token)}](#${nameOf(token).toLowerCase()})`;
  if ($ref !== undefined) return "any";
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (additionalProperties !== undefined) return `object of ${typeText(additionalProperties)}`;
  return type ?? "any";
}

function nameOf(token: string): string {
  return token.split(":").at(-1) ?? token;
}
