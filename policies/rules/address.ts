import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { displayName, hubFileOf } from "../../fetch/locate.ts";
import type { KnownModelSpec } from "../definition.ts";
import { withoutTokens } from "./tokens.ts";

/** What a source of weights names, whichever way it is spelt: `hf://`, the hub's own web address, or `org/repo` alone. */
export type Address =
  | { readonly kind: "hub"; readonly organisation: string; readonly repository: string; readonly revision?: string }
  | { readonly kind: "web"; readonly url: URL }
  /** On the Mac itself. */
  | { readonly kind: "file"; readonly path: string }
  /** `s3`, `pvc` and whatever else is not read over the network here. */
  | { readonly kind: "other"; readonly scheme: string; readonly rest: string }
  | { readonly kind: "unclear" };

const HUB_HOSTS: ReadonlySet<string> = new Set(["huggingface.co", "www.huggingface.co", "hf.co"]);
/** `/org/repo/resolve/REVISION/file`: how the hub hands out files. Revisions with slashes are pull requests and conversions. */
const HUB_PATH = /^\/([^/]+)\/([^/]+)\/(?:resolve|raw|blob)\/(refs\/(?:pr|convert)\/[^/]+|[^/]+)\//;

/** Never throws; the text may be anything that a person writes. */
export function addressOf(source: string): Address {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return source.startsWith("/") ? { kind: "file", path: posix.normalize(source) } : bareRepository(source);
    case "hf":
      return hubAddress(source);
    case "http":
    case "https":
      return webAddress(source);
    case "file":
      return fileAddress(source);
    default:
      return { kind: "other", scheme, rest: source.slice(scheme.length + "://".length) };
  }
}

function bareRepository(source: string): Address {
  const [organisation, repository] = source.split("/");
  return organisation && repository ? { kind: "hub", organisation, repository } : { kind: "unclear" };
}

function hubAddress(source: string): Address {
  const file = hubFileOf(source.replace(/^hf/i, "hf"));
  if (file === undefined) return { kind: "unclear" };
  const { organisation, repository, revision } = file;
  return { kind: "hub", organisation, repository, ...(revision !== undefined && { revision }) };
}

function webAddress(source: string): Address {
  const url = URL.parse(source);
  if (url === null) return { kind: "unclear" };
  const [, organisation, repository, revision] = HUB_PATH.exec(url.pathname) ?? [];
  const isHub = url.protocol === "https:" && url.port === "" && HUB_HOSTS.has(url.hostname);
  if (!isHub || organisation === undefined || repository === undefined || revision === undefined) {
    return { kind: "web", url };
  }
  return { kind: "hub", organisation, repository, revision };
}

function fileAddress(source: string): Address {
  try {
    return { kind: "file", path: posix.normalize(fileURLToPath(source)) };
  } catch {
    return { kind: "unclear" };
  }
}

/** A field of `Model.spec` that names a file, with its value. */
export interface NamedSource {
  readonly field: "spec.source" | "spec.mmproj";
  readonly value: string;
}

/** What the Model has served: its weights, and its projector if it has one. Fields that are not known yet are left out. */
export function sourcesOf({ source, mmproj }: KnownModelSpec): readonly NamedSource[] {
  return [
    ...(source === undefined ? [] : [{ field: "spec.source" as const, value: source }]),
    ...(mmproj === undefined ? [] : [{ field: "spec.mmproj" as const, value: mmproj }]),
  ];
}

/** A source for a message: without user, password, query, fragment, and whatever looks like an access token. */
export function sourceName(source: string): string {
  return withoutTokens(displayName(source));
}
