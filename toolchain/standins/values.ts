/** Property values in the form in which the engine sends them over gRPC: JSON, with signed objects for what JSON lacks. */
export type Value = null | boolean | number | string | Value[] | Properties;
export interface Properties {
  [key: string]: Value;
}

// Wire constants of the Pulumi protocol (sdk/nodejs/runtime/rpc.ts exports the same ones; a test compares them).
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
export const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

export function isProperties(value: Value | undefined): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSecret(value: Value | undefined): value is Properties {
  return isProperties(value) && value[SIGNATURE] === SECRET;
}

/** The value without secret and output wrappers and without null fields. An output that is not known yet becomes UNKNOWN. */
export function unwrap(value: Value): Value {
  if (Array.isArray(value)) return value.map(unwrap);
  if (!isProperties(value)) return value;
  const signature = value[SIGNATURE];
  if (signature === SECRET) return unwrap(value["value"] ?? null);
  if (signature === OUTPUT) return unwrap(value["value"] ?? UNKNOWN);
  return unwrapProperties(value);
}

export function unwrapProperties(properties: Properties): Properties {
  const known = Object.entries(properties).filter(([, value]) => value !== null);
  return Object.fromEntries(known.map(([key, value]) => [key, unwrap(value)]));
}

/** Whether `matches` holds for the value itself or for anything inside it. */
function some(value: Value, matches: (inner: Value) => boolean): boolean {
  if (matches(value)) return true;
  if (Array.isArray(value)) return value.some((item) => some(item, matches));
  return isProperties(value) && Object.values(value).some((item) => some(item, matches));
}

export function containsSecret(value: Value): boolean {
  return some(
    value,
    (inner) => isSecret(inner) || (isProperties(inner) && inner["secret"] === true && isOutput(inner)),
  );
}

export function containsUnknown(value: Value): boolean {
  return some(unwrap(value), (inner) => inner === UNKNOWN);
}

function isOutput(value: Properties): boolean {
  return value[SIGNATURE] === OUTPUT;
}

/** The same value with every object key passed through `rename`. */
export function renameKeys(value: Value, rename: (key: string) => string): Value {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename));
  return isProperties(value) ? renamePropertyKeys(value, rename) : value;
}

export function renamePropertyKeys(properties: Properties, rename: (key: string) => string): Properties {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [rename(key), renameKeys(value, rename)]));
}
