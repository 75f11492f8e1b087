import { type Path, pathText } from "../api/schema-walk.ts";

/** The known inputs of a resource, and the paths of those that are not known before the update. */
export interface KnownInputs {
  readonly known: unknown;
  readonly unknown: readonly string[];
}

/**
 * Copies inputs field by field, because reading an unknown one throws, and one unknown field must not hide the others.
 * The copy does not have fields that are unknown or null; an unknown item of a list is undefined in it.
 */
export function knownInputs(inputs: unknown): KnownInputs {
  const unknown: string[] = [];
  return { known: copy(inputs, [], unknown), unknown };
}

function copy(value: unknown, path: Path, unknown: string[]): unknown {
  if (typeof value !== "object" || value === null) return value ?? undefined;
  if (Array.isArray(value)) return value.map((_, index) => member(value, index, path, unknown));
  const members = Object.keys(value).map((key) => [key, member(value, key, path, unknown)] as const);
  return Object.fromEntries(members.filter(([, known]) => known !== undefined));
}

function member(parent: object, key: string | number, path: Path, unknown: string[]): unknown {
  const here = [...path, key];
  try {
    return copy(Reflect.get(parent, key), here, unknown);
  } catch {
    // Inputs are plain data behind @pulumi/policy's proxy, which throws for unknown values and for nothing else.
    unknown.push(pathText(here));
    return undefined;
  }
}
