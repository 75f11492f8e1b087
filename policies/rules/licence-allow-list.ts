import * as z from "zod";
import type { GgufHeader } from "../../gguf/header.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import { type Findings, refusal, remark } from "../findings.ts";
import { sourceName } from "./address.ts";
import { notYetKnown } from "./not-yet-known.ts";
import { weightsHeader } from "./weights-header.ts";

const config = z.strictObject({
  allow: z
    .array(z.string().min(1))
    .describe(
      "The licences that are allowed, as headers name them in general.license: for example apache-2.0, mit, gemma, llama3.2. Where" +
        " that is other, general.license.name counts. Case does not matter. Default: none, with which every licence is allowed.",
    )
    .default([]),
  onUnknown: z
    .enum(["refuse", "warn"])
    .describe(
      "What to do with a model whose header cannot be read from here, or names no licence. Default: refuse. A model whose licence" +
        " was looked up by a person can be let pass by its name (exclude).",
    )
    .default("refuse"),
});

/** A licence says who may serve a model, and for what. The header says which one it is. */
export const licenceAllowList = defineRule({
  name: "licence-allow-list",
  title: "Allowed licences",
  description: "A model's licence must be one of those that are allowed.",
  remedy:
    "Choose a model with an allowed licence, or add its licence to allow. Where the header names none, look it up, and let the" +
    " model pass by its name with the reason (exclude).",
  severity: "high",
  tags: ["licence", "compliance"],
  level: "mandatory",
  config,
  examples: {
    config: { allow: ["apache-2.0", "mit"] },
    bad: { model: { source: "hf://org/repo/model.gguf" }, header: { "general.license": "cc-by-nc-4.0" } },
    good: { model: { source: "hf://org/repo/model.gguf" }, header: { "general.license": "apache-2.0" } },
  },
  checkModel,
});

async function checkModel(model: ModelSubject, { allow, onUnknown }: z.output<typeof config>): Promise<Findings> {
  if (allow.length === 0) return {};
  const allowed = `Allowed are ${allow.join(", ")} (allow in the configuration of licence-allow-list).`;
  const unknown = onUnknown === "refuse" ? refusal : remark;
  const header = await weightsHeader(model);
  if (header === undefined) return { notes: notYetKnown(model, ["source"]) };
  if (!header.ok)
    return unknown(`${model.label}: its licence is not known, because its header cannot be read: ${header.error}.`);
  const names = licencesOf(header.value);
  if (names.length === 0) {
    return unknown(`${model.label}: the header of ${sourceName(model.spec.source ?? "")} names no licence. ${allowed}`);
  }
  const accepted = new Set(allow.map(plain));
  if (names.some((name) => accepted.has(plain(name)))) return {};
  return refusal(`${model.label}: its licence is ${names.join(", ")} (its header says so). ${allowed}`);
}

/** `general.license` is an SPDX name, or `other` with a name of its own beside it. */
function licencesOf({ metadata }: GgufHeader): readonly string[] {
  const [licence, name] = ["general.license", "general.license.name"].map((key) => metadata.get(key));
  const isOther = typeof licence !== "string" || plain(licence) === "other" || licence.trim() === "";
  const named = isOther && typeof name === "string" ? name : licence;
  return typeof named === "string" && named.trim() !== "" ? [shortened(named.trim())] : [];
}

function plain(licence: string): string {
  return licence.trim().toLowerCase();
}

const LONGEST_NAME = 80;

/** Of a text that anybody may have written into a header: no control characters, and no more than a name is long. */
function shortened(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, LONGEST_NAME);
}
