import * as z from "zod";
import { shardSources } from "../../gguf/shards.ts";
import { defineRule } from "../define.ts";
import type { KnownModelSpec, ModelSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
import { type Address, addressOf, type NamedSource, sourceName, sourcesOf } from "./address.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  localFiles: z
    .enum(["pass", "pin"])
    .describe(
      "What to do with files on the Mac itself (an absolute path or file://). pass: whoever can change them owns the Mac. pin:" +
        " they need sha256 too. Default: pass.",
    )
    .default("pass"),
});

/** Whoever can change what a name stands for can have other weights served, and no preview would show it. */
export const pinnedSource = defineRule({
  name: "pinned-source",
  title: "Pinned weights",
  description: "An address of weights must name bytes that nobody can change.",
  remedy:
    "Set sha256 to the digest of the file, or name a commit on the hub: hf://org/repo@COMMIT/file.gguf with its 40 hexadecimal" +
    " digits. A branch or a tag is not enough. sha256 covers one file: a projector, and a model in several files, need a commit.",
  severity: "medium",
  tags: ["security", "source"],
  level: "advisory",
  config,
  examples: {
    bad: { model: { source: "hf://org/repo/model.gguf" } },
    good: { model: { source: "hf://org/repo@0123456789abcdef0123456789abcdef01234567/model.gguf" } },
  },
  checkModel,
});

function checkModel(model: ModelSubject, settings: z.output<typeof config>): Findings {
  const isHashUnknown = notYetKnown(model, ["sha256"]).length > 0;
  const refusals = sourcesOf(model.spec).flatMap((named) => {
    const why = unpinned(named, model.spec, settings);
    const mayBePinned = named.field === "spec.source" && isHashUnknown && !isSplit(named.value);
    return why === undefined || mayBePinned ? [] : [`${model.label}: ${why}`];
  });
  return { refusals, notes: notYetKnown(model, ["source", "mmproj", "sha256"]) };
}

/** A commit of git: what it names can never change, as a branch or a tag can. */
const COMMIT = /^[0-9a-f]{40}$/i;

function unpinned(
  { field, value }: NamedSource,
  { sha256 }: KnownModelSpec,
  { localFiles }: z.output<typeof config>,
): string | undefined {
  const address = addressOf(value);
  if (address.kind === "hub" && COMMIT.test(address.revision ?? "")) return undefined;
  if (address.kind === "file" && localFiles === "pass") return undefined;
  const isHashable = field === "spec.source" && !isSplit(value);
  if (isHashable && sha256 !== undefined) return undefined;
  const isPartly = field === "spec.source" && sha256 !== undefined;
  const but = isPartly ? ". Its sha256 is that of the first file alone, and the model has several" : "";
  const ways = [
    ...(isHashable ? ["set spec.sha256 to the digest of the file"] : []),
    ...commitWay(address, isHashable),
  ];
  return `${field} ${sourceName(value)} is not pinned: ${changeable(address)}${but}. To pin it, ${ways.join(", or ")}.`;
}

function changeable(address: Address): string {
  if (address.kind === "file") return "the file may be replaced by another (localFiles is pin)";
  if (address.kind !== "hub") return "the file at that address may be replaced by another";
  const { revision } = address;
  return revision === undefined
    ? "it is served from the default branch of the repository, which may change"
    : `revision ${JSON.stringify(revision)} is a name that can be moved to another commit`;
}

function commitWay(address: Address, isHashable: boolean): readonly string[] {
  const digits = "with the 40 hexadecimal digits of the commit";
  if (address.kind === "hub") {
    return [`name a commit: hf://${address.organisation}/${address.repository}@COMMIT/..., ${digits}`];
  }
  return isHashable ? [] : [`take it from the hub: hf://org/repo@COMMIT/..., ${digits}`];
}

/** By its name it is the first of several files. */
function isSplit(source: string): boolean {
  return shardSources(source).length > 1;
}
