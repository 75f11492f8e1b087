import { createHash, randomBytes } from "node:crypto";
import { isProperties, isSecret, type Properties, UNKNOWN, unwrap } from "../values.ts";

const AUTONAMED = "pulumi.com/autonamed";

/** What the engine sends along with Check; absent `autonaming` means that the project configures none. */
export interface NameRequest {
  resourceName: string;
  randomSeed: Uint8Array;
  autonaming?: { mode: "propose" | "enforce" | "disable"; proposedName: string };
}

export class AutonamingDisabled extends Error {
  constructor(resourceName: string) {
    super(`"${resourceName}" needs metadata.name: autonaming is disabled in this project`);
  }
}

/** Applies `change` to the metadata, inside its secret wrapper if it has one. Metadata not known yet stays as it is. */
function withMetadata(inputs: Properties, change: (metadata: Properties) => Properties): Properties {
  const metadata = inputs["metadata"] ?? {};
  if (isSecret(metadata) && isProperties(metadata["value"])) {
    return { ...inputs, metadata: { ...metadata, value: change(metadata["value"]) } };
  }
  return isProperties(metadata) && !isSecret(metadata) ? { ...inputs, metadata: change(metadata) } : inputs;
}

function plainMetadata(inputs: Properties): Properties {
  const metadata = unwrap(inputs["metadata"] ?? {});
  return isProperties(metadata) ? metadata : {};
}

function isNamed(inputs: Properties): boolean {
  const metadata = unwrap(inputs["metadata"] ?? {});
  if (metadata === UNKNOWN) return true;
  return isProperties(metadata) && typeof metadata["name"] === "string" && metadata["name"] !== "";
}

export function isAutonamed(inputs: Properties): boolean {
  const annotations = plainMetadata(inputs)["annotations"];
  return isProperties(annotations) && annotations[AUTONAMED] === "true";
}

function setAutoname(inputs: Properties, name: string): Properties {
  return withMetadata(inputs, (metadata) => {
    const annotations = isProperties(metadata["annotations"]) ? metadata["annotations"] : {};
    return { ...metadata, name, annotations: { ...annotations, [AUTONAMED]: "true" } };
  });
}

/** `<resource name>-<8 hex digits>`; the engine's seed makes preview and update agree on the digits. */
export function uniqueName(resourceName: string, randomSeed: Uint8Array): string {
  const seed = randomSeed.length > 0 ? randomSeed : randomBytes(32);
  return `${resourceName}-${createHash("sha256").update(seed).digest("hex").slice(0, 8)}`;
}

/**
 * Gives unnamed inputs a name: the old one if that was generated too, else the engine's proposal, else a unique one.
 * Throws AutonamingDisabled where the project forbids generated names.
 */
export function assignName(inputs: Properties, olds: Properties | undefined, request: NameRequest): Properties {
  if (isNamed(inputs)) return inputs;
  const oldName = olds === undefined ? undefined : plainMetadata(olds)["name"];
  if (olds !== undefined && isAutonamed(olds) && typeof oldName === "string") return setAutoname(inputs, oldName);
  if (request.autonaming?.mode === "disable") throw new AutonamingDisabled(request.resourceName);
  return setAutoname(inputs, request.autonaming?.proposedName ?? uniqueName(request.resourceName, request.randomSeed));
}

export function assignNamespace(inputs: Properties, namespace: string): Properties {
  return withMetadata(inputs, (metadata) => {
    const given = unwrap(metadata["namespace"] ?? null);
    return given === null || given === "" ? { ...metadata, namespace } : metadata;
  });
}
