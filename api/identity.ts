import { distance } from "fastest-levenshtein";
import { DEFAULT_NAMESPACE, GROUP, GROUP_VERSION, KINDS, type Kind } from "./constants.ts";
import { isFields } from "./document.ts";
import { metadataSchema } from "./metadata.ts";

/** What tells an object from every other one, in whatever version it is written. */
export interface Identity {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** Letters that may be wrong in a kind: enough for `Modle`, too few for `ModelPool` or `InferenceServiceSet`. */
const KIND_SLIP = 2;
/** Letters that may be wrong in the group: enough for another ending, too few for another group of the same domain. */
const GROUP_SLIP = 4;

/**
 * Whether a document is meant for this API, in whatever version and however faulty: a folder of manifests also holds Namespaces
 * and other objects that are not ours to judge. A Model or InferenceService without an apiVersion, or with a misspelt group, is meant
 * for it, and so is a document that ends within its apiVersion.
 */
export function isOfThisApi(document: unknown): boolean {
  if (!isFields(document)) return false;
  const { apiVersion = null, kind = null } = document;
  const isOurKind = KINDS.some((known) => known === kind);
  if (apiVersion === null) return isOurKind || (kind === null && Object.hasOwn(document, "apiVersion"));
  const [group = ""] = String(apiVersion).split("/", 1);
  if (group === GROUP) return true;
  if (kind === null) return GROUP_VERSION.startsWith(String(apiVersion));
  return meantKind(kind) !== undefined && isNear(group, GROUP, GROUP_SLIP);
}

/** The kind, or the one that a misspelt one was probably meant to be; undefined for kinds of which nothing is known here. */
export function meantKind(kind: unknown): Kind | undefined {
  if (typeof kind !== "string") return undefined;
  return KINDS.find((known) => known === kind) ?? KINDS.find((known) => isNear(kind, known, KIND_SLIP));
}

/** Undefined where kind, namespace or name cannot be told, or are none that an object can have. */
export function identityOf(document: unknown): Identity | undefined {
  if (!isFields(document)) return undefined;
  const kind = meantKind(document["kind"]);
  const metadata = isFields(document["metadata"]) ? document["metadata"] : {};
  const name = NAME.safeParse(metadata["name"]);
  const namespace = NAMESPACE.safeParse(metadata["namespace"] ?? DEFAULT_NAMESPACE);
  if (kind === undefined || !name.success || !namespace.success) return undefined;
  return { kind, namespace: namespace.data, name: name.data };
}

const NAME = metadataSchema.shape.name;
const NAMESPACE = metadataSchema.shape.namespace;

function isNear(text: string, known: string, slip: number): boolean {
  return text.length <= known.length + slip && distance(text.toLowerCase(), known.toLowerCase()) <= slip;
}

/** `Model default/llama`. */
export function identityText({ kind, namespace, name }: Identity): string {
  return `${kind} ${namespace}/${name}`;
}
