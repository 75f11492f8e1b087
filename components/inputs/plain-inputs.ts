import { isUnknown } from "./unknown.ts";

// What a component shows of itself when it is registered: the account of a preview has nothing else of it, and policies see it before its
// resources. Outputs are left out, because Pulumi would wait for them, and fail with them: what depends on one is shown at the end.

/** Those of the arguments that are text. */
export function plainTexts<Name extends string>(
  args: object | undefined,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = plainArgument(args, name);
      return typeof value === "string" ? [[name, value]] : [];
    }),
  ) as Partial<Record<Name, string>>;
}

/** The value of an argument; undefined where it is null or not there yet. Nothing of it is checked. */
export function plainArgument(args: object | undefined, name: string): unknown {
  if (typeof args !== "object" || args === null || isUnknown(args)) return undefined;
  const value: unknown = Reflect.get(args, name);
  return isUnknown(value) ? undefined : (value ?? undefined);
}

/** Whether an argument is an output or a promise. */
export function isOutput(args: object | undefined, name: string): boolean {
  return typeof args === "object" && args !== null && !isUnknown(args) && isUnknown(Reflect.get(args, name));
}
