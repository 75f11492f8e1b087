import { plainLine } from "../../api/plain-text.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { kindOf, notModel, whatItIs } from "./file-kind.ts";
import { missingTensor } from "./missing-tensor.ts";

/** Longest name of an architecture in a sentence. llama.cpp's own have some 20 characters. */
const LONGEST_NAME = 64;
/** What the name of an architecture is made of. */
const NAME = /^[\p{L}\p{N} ._+:/-]+$/u;

/** Why the file is no model at all, as one clause; undefined where it is one. */
export const wrongModel = onceEach((header) => {
  const kind = notModel(header);
  if (kind !== undefined) return kind;
  const architecture = header.metadata.get("general.architecture");
  if (typeof architecture !== "string" || architecture === "" || isName(architecture)) return undefined;
  return `key "general.architecture" holds ${shown(architecture)}, which is no name of an architecture: the file is damaged or forged`;
});

/** Why llama.cpp does not load a file whose keys are a model's, as one clause; undefined where nothing is known to be missing. */
export const incomplete = onceEach((header) => {
  const missing = missingTensor(header);
  if (missing === undefined) return undefined;
  const architecture = String(header.metadata.get("general.architecture"));
  return `tensor "${missing}" is missing, without which llama.cpp does not load ${architecture}: the file is a part of a model, fetch or convert it again`;
});

/** The same as a LoRA adapter: llama.cpp takes one only by `general.type` and `adapter.type`. */
export const wrongAdapter = onceEach((header) => {
  if (kindOf(header) !== "adapter") return `${whatItIs(header)}, where a LoRA adapter is expected`;
  const type = header.metadata.get("general.type");
  if (type !== "adapter") return `key "general.type" ${held(type)}: "adapter" is expected, convert it again`;
  const adapter = header.metadata.get("adapter.type");
  return adapter === "lora" ? undefined : `key "adapter.type" ${held(adapter)}: "lora" is expected`;
});

/** The same as a multimodal projector. */
export const wrongProjector = onceEach((header) =>
  kindOf(header) === "projector" ? undefined : `${whatItIs(header)}, where a multimodal projector is expected`,
);

function isName(architecture: string): boolean {
  return architecture.length <= LONGEST_NAME && NAME.test(architecture);
}

function held(value: unknown): string {
  return typeof value === "string" ? `holds ${shown(value)}` : "is missing";
}

function shown(text: string): string {
  return JSON.stringify(plainLine(text.slice(0, LONGEST_NAME)));
}

/** The same function, but it looks at each header once. An advice asks about one header hundreds of times. */
function onceEach<T>(look: (header: GgufHeader) => T): (header: GgufHeader) => T {
  const seen = new WeakMap<GgufHeader, { readonly value: T }>();
  return (header) => {
    const known = seen.get(header) ?? { value: look(header) };
    seen.set(header, known);
    return known.value;
  };
}
