import type { Kind } from "../api/constants.ts";
import { childName } from "../api/fleet.ts";
import { hostKey, urlHost } from "./endpoint-host.ts";

/** What only one owner may have among the objects of one provider. */
export interface Claim {
  /** The same for each spelling of the same. */
  readonly key: string;
  /** As messages tell it, for example `Model default/gemma` or `the endpoint 127.0.0.1:8080`. */
  readonly text: string;
}

/** The name of an object. Two objects of one name are one file or one object of a cluster, and deleting one deletes both. */
export function objectClaim(kind: Kind, namespace: string, name: string): Claim {
  return claim(`${kind} ${namespace}/${name}`);
}

/** The name of the Service of an InferenceService, which several names can come to. */
export function serviceClaim(namespace: string, name: string): Claim {
  return claim(`Service ${namespace}/${childName(name)}`);
}

/** A host and port at which one server can listen. */
export function endpointClaim(host: string, port: number): Claim {
  return { key: `endpoint ${hostKey(host)}:${port}`, text: `the endpoint ${urlHost(host)}:${port}` };
}

/** The first of an owner's claims that another owner has, and that owner; undefined: all are free, or its own. */
export function takenClaim(
  holders: ReadonlyMap<string, string>,
  claims: readonly Claim[],
  owner: string,
): { readonly claim: Claim; readonly holder: string } | undefined {
  for (const wanted of claims) {
    const holder = holders.get(wanted.key);
    if (holder !== undefined && holder !== owner) return { claim: wanted, holder };
  }
  return undefined;
}

function claim(text: string): Claim {
  return { key: text, text };
}
