import {
  gemma3,
  internvl,
  linear,
  llava,
  matrix,
  type ProjectorShape,
  pixtral,
  qwen2,
  qwen3,
  vector,
  whisper,
} from "./projector-shapes.ts";

interface PublishedProjector {
  readonly width: number;
  /** The share of the largest input for which llama-server reserves memory when it starts. Default: 1. */
  readonly start?: number;
  readonly of: (text: number) => ProjectorShape;
}

/** Qwen-VL starts with 46 x 46 tokens, and takes 64 x 64. */
const QWEN_START = 46 ** 2 / 64 ** 2;

/** Each in the width of the text model: its own, and that of the small model beside which images can be sent. */
export const PROJECTOR_SHAPES: Readonly<Record<string, PublishedProjector>> = {
  "qwen2-vl-7b": {
    start: QWEN_START,
    width: 3584,
    of: (text) => qwen2(text, "qwen2vl_merger", { embedding: 1280, forward: 5120, heads: 16 }),
  },
  "qwen2.5-vl-7b": {
    start: QWEN_START,
    width: 3584,
    of: (text) => qwen2(text, "qwen2.5vl_merger", { embedding: 1280, forward: 3420, heads: 16, gated: true }, 8),
  },
  "qwen3-vl-4b": {
    start: QWEN_START,
    width: 2560,
    of: (text) => qwen3(text, { embedding: 1024, forward: 4096, heads: 16 }),
  },
  "qwen3-vl-8b": {
    start: QWEN_START,
    width: 4096,
    of: (text) => qwen3(text, { embedding: 1152, forward: 4304, heads: 16 }),
  },
  "qwen3-vl-32b": {
    start: QWEN_START,
    width: 5120,
    of: (text) => qwen3(text, { embedding: 1152, forward: 4304, heads: 16 }),
  },
  "gemma3-27b": { width: 5376, of: gemma3 },
  "llava-1.5-7b": { width: 4096, of: llava },
  "pixtral-12b": { start: 1 / 4, width: 5120, of: (text) => pixtral(text, 1024, 16, 1) },
  "mistral-small-3.1": { start: 1 / 4, width: 5120, of: (text) => pixtral(text, 1540, 14, 2) },
  "internvl3-8b": { start: 1 / 4, width: 3584, of: internvl },
  "qwen2-audio-7b": { width: 4096, of: (text) => whisper("qwen2a", 128, {}, linear("mm.a.fc", 1280, text)) },
  "ultravox-8b": {
    width: 4096,
    of: (text) =>
      whisper("ultravox", 128, { "clip.audio.projector.stack_factor": 8 }, [
        matrix("mm.a.mlp.1", 8 * 1280, 4096),
        matrix("mm.a.mlp.2", 2048, text),
        vector("mm.a.norm_pre.weight", 8 * 1280),
        vector("mm.a.norm_mid.weight", 2048),
      ]),
  },
};
