import { MODEL_CONDITION } from "../../api/fleet.ts";
import type { ModelStatus } from "../../api/model.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import type { WantedStatus } from "../write/status-writer.ts";

/** What came of reading the header of a Model's weights. */
export type HeaderFacts =
  | { readonly state: "read"; readonly header: GgufHeader }
  | { readonly state: "reading" }
  | { readonly state: "failed"; readonly reason: string; readonly message: string };

type Fields = Partial<Omit<ModelStatus, "conditions" | "lastUpdated">>;

/** Fields of {@link modelStatus}. `phase` is left to LLMKube's operator where that is seen. */
export const MODEL_FIELDS = [
  "phase",
  "size",
  "sourceContentLength",
  "gguf",
] as const satisfies readonly (keyof ModelStatus)[];

export function modelStatus(facts: HeaderFacts, generation: number, isOthersToo: boolean): WantedStatus<Fields> {
  const condition = (status: "True" | "False" | "Unknown", reason: string, message: string) => [
    { type: MODEL_CONDITION, status, reason, message, observedGeneration: generation },
  ];
  const phase = (name: NonNullable<ModelStatus["phase"]>) => (isOthersToo ? {} : { phase: name });
  if (facts.state === "reading") {
    return { fields: phase("Pending"), conditions: condition("Unknown", "ReadingHeader", "the header is being read") };
  }
  if (facts.state === "failed") {
    return { fields: phase("Failed"), conditions: condition("False", facts.reason, facts.message) };
  }
  const { header } = facts;
  const size = formatBytes(header.fileBytes);
  const gguf = ggufOf(header);
  const message = `${gguf.architecture ?? "unknown architecture"}, ${size}`;
  // The operator says the same of the file, in words of its own.
  const file = isOthersToo ? {} : { size, sourceContentLength: header.fileBytes, gguf };
  return { fields: { ...phase("Ready"), ...file }, conditions: condition("True", "HeaderRead", message) };
}

function ggufOf({ metadata, tensors, version }: GgufHeader): NonNullable<ModelStatus["gguf"]> {
  const text = (key: string) => textOf(metadata.get(key));
  const architecture = text("general.architecture");
  const count = (key: string) => countOf(metadata.get(`${architecture}.${key}`));
  return withoutUndefined({
    architecture,
    modelName: text("general.name"),
    license: text("general.license"),
    contextLength: count("context_length"),
    embeddingSize: count("embedding_length"),
    layerCount: count("block_count"),
    headCount: count("attention.head_count"),
    tensorCount: tensors.length,
    fileVersion: version,
  });
}

/** A header is somebody else's: what goes into the status is cut. */
const LONGEST = 253;

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.replaceAll(/\p{Cc}/gu, " ").slice(0, LONGEST) : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function withoutUndefined<Value extends object>(
  value: Value,
): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
