import type { Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { unservedModel } from "../../serving/settings.ts";
import type { ModelSubject, Peers } from "../definition.ts";
import { type Findings, remark } from "../findings.ts";

/** The header of the weights; undefined where the source is not known yet, and for weights that have no such header. */
export async function weightsHeader({ spec, header }: ModelSubject): Promise<Result<GgufHeader> | undefined> {
  if (spec.source === undefined || unservedModel(spec) !== undefined) return undefined;
  return header();
}

/**
 * That a rule could not look into the weights. Of a Model memory-fits says so, where it is in force.
 *
 * @param what the rule would have found out, as `its quantization`
 */
export function unread(label: string, what: string, error: string, peers: Peers): Findings {
  return peers.isAsked("memory-fits")
    ? {}
    : remark(`${label}: ${what} is not known, because the header cannot be read: ${error}.`);
}
