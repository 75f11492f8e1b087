import type { Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { unservedModel } from "../../serving/settings.ts";
import type { ModelSubject } from "../definition.ts";

/** The header of the weights; undefined where the source is not known yet, and for weights that have no such header. */
export async function weightsHeader({ spec, header }: ModelSubject): Promise<Result<GgufHeader> | undefined> {
  if (spec.source === undefined || unservedModel(spec) !== undefined) return undefined;
  return header();
}
