import * as z from "zod";
import { QUANTIZATIONS, quantizationOf } from "../../gguf/file-types.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject, Peers } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";
import { unread, weightsHeader } from "./weights-header.ts";

const config = z.strictObject({
  deprecated: z
    .array(
      z
        .string()
        .transform((name) => name.toUpperCase())
        .refine((name) => QUANTIZATIONS.has(name), {
          error: `it must be a quantization of a GGUF file, one of ${[...QUANTIZATIONS].join(", ")}`,
        }),
    )
    .describe(
      "The quantizations that are reported, by the name of the file's (Q4_K_M) or of most of its tensors (Q4_K). Q4_0 is not among" +
        " the default ones, because models that were trained for it are published in it. Default: Q4_1, Q5_0, Q5_1, of which each has" +
        " a K-quant of the same size that answers better.",
    )
    .default(["Q4_1", "Q5_0", "Q5_1"]),
});

/** What to take instead: about as large, and closer to the original. */
const INSTEAD: Readonly<Record<string, string>> = {
  Q4_0: "Q4_K_S",
  Q4_1: "Q4_K_M",
  Q5_0: "Q5_K_S",
  Q5_1: "Q5_K_M",
  Q2_K: "IQ3_XXS",
  F32: "BF16 or Q8_0",
};

/** The oldest quantizations are kept for old files. */
export const deprecatedQuantizations = defineRule({
  name: "deprecated-quantizations",
  title: "No deprecated quantizations",
  description: "A model must not be stored in a quantization that better ones have replaced.",
  remedy:
    "Take the same model in the quantization that the message names: it needs about as much memory and answers better.",
  severity: "low",
  tags: ["quality", "quantization"],
  level: "advisory",
  config,
  examples: {
    bad: { model: { source: "hf://org/repo/model.gguf" }, header: { "general.file_type": 9 } },
    good: { model: { source: "hf://org/repo/model.gguf" }, header: { "general.file_type": 15 } },
  },
  checkModel,
});

async function checkModel(
  model: ModelSubject,
  { deprecated }: z.output<typeof config>,
  peers: Peers,
): Promise<Findings> {
  const header = await weightsHeader(model);
  if (header === undefined) return { notes: notYetKnown(model, ["source"]) };
  if (!header.ok) return unread(model.label, "its quantization", header.error, peers);
  const { fileType, mostTensors } = quantizationOf(header.value);
  // The K-quants of small models fall back to Q5_0 and the like for tensors of odd widths: the file's own name counts first.
  const name = fileType ?? mostTensors;
  const isListed = (known: string | undefined) => known !== undefined && deprecated.includes(known);
  const found = isListed(name)
    ? name
    : fileType !== undefined && isFamilyOf(mostTensors, fileType) && isListed(mostTensors)
      ? mostTensors
      : undefined;
  if (found === undefined) return {};
  const instead = Object.hasOwn(INSTEAD, found)
    ? ` What would be better: ${INSTEAD[found]}, at about the same size or less.`
    : "";
  const how = fileType === undefined ? "by most of its tensors" : "its header says so";
  return refusal(
    `${model.label}: it is stored in ${name} (${how}), which is deprecated (deprecated in the configuration of deprecated-quantizations).${instead}`,
  );
}

/** `Q4_K` is what most tensors of `Q4_K_M` are. */
function isFamilyOf(tensors: string | undefined, fileType: string): boolean {
  return tensors !== undefined && fileType.startsWith(`${tensors}_`);
}
