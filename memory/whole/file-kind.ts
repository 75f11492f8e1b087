import { plainLine } from "../../api/plain-text.ts";
import type { GgufHeader } from "../../gguf/header.ts";

/** What a GGUF file holds. `model`: weights of which llama.cpp makes a model, for what its header says. */
export type FileKind =
  | "model"
  | "adapter"
  | "projector"
  | "imatrix"
  | "control-vector"
  | "vocabulary"
  | "diffusion"
  | "speech-recogniser"
  | "speech"
  | "drafter"
  | "decider";

/** What each other kind is, and where it belongs: the end of "it is ...". */
const WORDS: Readonly<Record<Exclude<FileKind, "model">, string>> = {
  adapter: "a LoRA adapter, not a model: name the model that it was made for, and give this file beside it (--lora)",
  projector:
    "a multimodal projector, not a model: name the model that it was made for, and give this file beside it (--mmproj, in manifests mmproj)",
  imatrix: "an importance matrix, not a model: llama-quantize reads it, and nothing serves it",
  "control-vector":
    "a control vector, not a model: llama-server takes it beside a model (--control-vector), which is not supported here",
  vocabulary: "a vocabulary alone, without any weights: take the file with the model's tensors",
  diffusion:
    "a diffusion model, which makes images or video: stable-diffusion.cpp and ComfyUI run it, llama.cpp does not",
  "speech-recogniser": "a speech recogniser: whisper.cpp runs it, llama.cpp does not",
  speech:
    "a part of a text-to-speech program, which makes sound, not text: that program runs it, llama-server does not",
  drafter:
    "a part that drafts tokens inside the model that it was made for, not a model: llama-server takes it beside that model (--model-draft), and its memory is not estimated yet, so leave it out",
  decider:
    "a model that decides, which makes no text: llama-server has a task of its own for it, which is not supported here",
};

/** `general.architecture` of files that llama.cpp does not serve, as their converters write it. */
const ARCHITECTURES: ReadonlyMap<string, FileKind> = new Map(
  Object.entries({
    projector: "clip mmproj",
    "control-vector": "controlvector",
    imatrix: "imatrix",
    diffusion:
      "aura auraflow chroma cosmos cosmos2 flux flux2 hidream hunyuan_video hunyuan-video hunyuan_image hyvid kolors ltxv lumina2 mochi pig pixart qwen_image sd1 sd2 sd3 sd3.5 sdxl sd svd wan z_image",
    "speech-recogniser": "whisper moonshine parakeet",
    speech: "wavtokenizer-dec snac snac-dec vocos dac kokoro parler-tts dia f5-tts",
    drafter: "dflash eagle3 gemma4-assistant",
    decider: "clef",
  }).flatMap(([kind, names]) => names.split(" ").map((name) => [name, kind as FileKind])),
);

/** Names of tensors of diffusion models, whose converters often write no architecture. */
const DIFFUSION =
  /^(model\.diffusion_model\.|double_blocks\.|single_blocks\.|joint_blocks\.|transformer_blocks\.|down_blocks\.|input_blocks\.|first_stage_model\.)/;

export function kindOf({ metadata, tensors }: GgufHeader): FileKind {
  const type = metadata.get("general.type");
  const architecture = metadata.get("general.architecture");
  if (type === "adapter" || metadata.has("adapter.type")) return "adapter";
  if (type === "imatrix" || metadata.has("imatrix.chunk_count")) return "imatrix";
  const named = typeof architecture === "string" ? ARCHITECTURES.get(architecture.toLowerCase()) : undefined;
  if (named !== undefined) return named;
  if (type === "mmproj" || metadata.has("clip.has_vision_encoder") || metadata.has("clip.has_audio_encoder")) {
    return "projector";
  }
  if (tensors.length === 0) return "vocabulary";
  if (tensors.every(({ name }) => /\.lora_[ab]$/.test(name))) return "adapter";
  if (architecture === undefined && tensors.some(({ name }) => DIFFUSION.test(name))) return "diffusion";
  return "model";
}

/** Why the file is no model, as the end of a sentence that names it; undefined where it is one. */
export function notModel(header: GgufHeader): string | undefined {
  const kind = kindOf(header);
  return kind === "model" ? undefined : `it is ${WORDS[kind]}`;
}

/** What the file is, for a sentence that asked for something else: `it is a model (architecture llama)`. */
export function whatItIs(header: GgufHeader): string {
  return notModel(header) ?? `it is a model${architectureWords(header)}`;
}

function architectureWords({ metadata }: GgufHeader): string {
  const architecture = metadata.get("general.architecture");
  return typeof architecture === "string" ? ` (architecture ${plainLine(architecture)})` : "";
}
