import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { estimate, sumOf, weightsBytes } from "./estimate.ts";
import { tensorSizes } from "./loading.ts";
import type { Part } from "./parts.ts";
import type { Confidence, Estimate, EstimateSettings, KnownEstimate } from "./types.ts";

/** Files that llama-server loads beside the model. */
export interface AuxiliaryModels {
  /** `--mmproj`: the projector for images or sound. */
  readonly mmproj?: GgufHeader;
  /** `--model-draft`: the draft model of speculative decoding, with its own settings. */
  readonly draft?: { readonly header: GgufHeader; readonly settings: EstimateSettings };
  /** `--lora`: one header for each adapter. */
  readonly loras?: readonly GgufHeader[];
}

/** What one kind of auxiliary file adds to the estimate. */
interface Share {
  readonly part: Extract<Part, "mmproj" | "draft" | "lora">;
  readonly bytes: number;
  readonly confidence: Confidence;
  readonly notes: readonly string[];
}

/**
 * The estimate of a model with the auxiliary models that it is served with: the parts `mmproj`, `draft` and `lora`
 * stand beside the model's own and count in the same total. The lowest confidence among them holds for the whole. Fails
 * like {@link estimate}, and on an adapter of another architecture.
 */
export function estimateWith(
  header: GgufHeader,
  settings: EstimateSettings,
  auxiliary: AuxiliaryModels,
): Result<Estimate> {
  const alone = estimate(header, settings);
  if (!alone.ok) return alone;
  const shares: Share[] = [];
  const { mmproj, draft, loras = [] } = auxiliary;
  for (const share of [
    mmproj && projectorShare(mmproj, settings),
    draft && draftShare(draft.header, draft.settings),
    loras.length > 0 ? adapterShare(loras, alone.value.architecture) : undefined,
  ]) {
    if (share?.ok === false) return share;
    if (share !== undefined) shares.push(share.value);
  }
  return joined(alone.value, shares);
}

function joined(alone: Estimate, shares: readonly Share[]): Result<Estimate> {
  const notes = [...alone.notes, ...shares.flatMap((share) => share.notes)];
  const { architecture, fileBytes, weightsBytes: weights } = alone;
  if (alone.confidence === "unknown" || shares.some(({ confidence }) => confidence === "unknown")) {
    return ok({ architecture, fileBytes, weightsBytes: weights, confidence: "unknown", notes });
  }
  const beside = Object.fromEntries(shares.map(({ part, bytes }) => [part, bytes]));
  const parts = { ...alone.parts, ...stillLoading(alone.parts, sumOf(beside)), ...beside };
  const totalBytes = sumOf(parts);
  if (!Number.isSafeInteger(totalBytes))
    return fail("the model and its auxiliary models need more bytes than can be counted");
  const confidence = shares.some((share) => share.confidence === "bounded") ? "bounded" : alone.confidence;
  return ok<KnownEstimate>({ ...alone, confidence, notes, parts, totalBytes });
}

/** The model is loaded before its auxiliary models, so its own peak counts only as far as it is above what they take later. */
function stillLoading(
  { loading }: Readonly<Record<string, number>>,
  laterBytes: number,
): { readonly loading?: number } {
  return loading === undefined ? {} : { loading: Math.max(0, loading - laterBytes) };
}

/** Everything that the draft model needs for itself while it loads and serves, including its token tables. */
function draftShare(header: GgufHeader, settings: EstimateSettings): Result<Share> {
  const answer = estimate(header, settings);
  if (!answer.ok) return fail(`draft model: ${answer.error}`);
  const { value } = answer;
  const notes = value.notes.map((note) => `draft model: ${note}`);
  const bytes = value.confidence === "unknown" ? 0 : value.totalBytes;
  return ok({ part: "draft", bytes, confidence: value.confidence, notes });
}

function adapterShare(adapters: readonly GgufHeader[], architecture: string): Result<Share> {
  let bytes = 0;
  for (const adapter of adapters) {
    const made = adapter.metadata.get("general.architecture");
    if (made !== architecture) {
      return fail(`LoRA adapter: key "general.architecture" holds ${String(made)}: ${architecture} is expected`);
    }
    const weights = weightsBytes(adapter);
    if (!weights.ok) return fail(`LoRA adapter: ${weights.error}`);
    bytes += weights.value;
  }
  return ok({ part: "lora", bytes, confidence: "exact", notes: [] });
}

/** The note on every projector. What fits with an upper bound fits. */
export const PROJECTOR_BOUND =
  "mmproj: its compute buffer is an upper bound: the widest moment of an encoder on its largest input";

/** Projectors that scale or crop every image to `image_size`; the others may take an image at its full size. */
const FIXED_SIZE: ReadonlySet<unknown> = new Set(["gemma3", "idefics3", "internvl", "llama4", "ldp", "ldpv2", "mlp"]);
/** Patches of the largest image that the others take: 4096 tokens of 2 x 2 patches. */
const MOST_PATCHES = 4 * 4096;
/** Frames in the 30 seconds of sound that an encoder takes at once. */
const SOUND_FRAMES = 3000;

/**
 * The weights, and a compute buffer for the widest moment of the largest encoder's graph (llama.cpp,
 * tools/mtmd/clip.cpp). Before that, each tensor passes through the CPU's memory on its way to the GPU.
 */
function projectorShare(header: GgufHeader, settings: EstimateSettings): Result<Share> {
  const weights = weightsBytes(header);
  if (!weights.ok) return fail(`mmproj: ${weights.error}`);
  const encoders = ["clip.vision", "clip.audio"].filter((prefix) => header.metadata.has(`${prefix}.block_count`));
  if (encoders.length === 0) {
    const notes = [
      "mmproj: the file describes neither an image nor a sound encoder, so its compute buffer cannot be bounded",
    ];
    return ok({ part: "mmproj", bytes: weights.value, confidence: "unknown", notes });
  }
  let compute = 0;
  for (const prefix of encoders) {
    const bytes = encoderBytes(header, prefix, settings);
    if (!bytes.ok) return fail(`mmproj: ${bytes.error}`);
    compute = Math.max(compute, bytes.value);
  }
  const staged = settings.backend === "metal" ? tensorSizes(header).largestOnGpu : 0;
  return ok({
    part: "mmproj",
    bytes: weights.value + Math.max(compute, staged),
    confidence: "bounded",
    notes: [PROJECTOR_BOUND],
  });
}

function encoderBytes(header: GgufHeader, prefix: string, settings: EstimateSettings): Result<number> {
  const read = (key: string): Result<number> => {
    const value = header.metadata.get(`${prefix}.${key}`);
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 2 ** 20) return ok(value);
    const held = typeof value === "number" ? `holds ${value}` : "is missing or not a number";
    return fail(`key "${prefix}.${key}" ${held}: a whole number from 1 to 2^20 is expected`);
  };
  const embedding = read("embedding_length");
  if (!embedding.ok) return embedding;
  const forward = read("feed_forward_length");
  if (!forward.ok) return forward;
  const heads = read("attention.head_count");
  if (!heads.ok) return heads;
  const inputs = prefix === "clip.audio" ? ok(SOUND_FRAMES) : patches(header, read);
  if (!inputs.ok) return inputs;
  const scores = settings.flashAttention ? 0 : 4 * inputs.value ** 2 * heads.value;
  return ok(4 * inputs.value * (3 * forward.value + 6 * embedding.value) + scores);
}

function patches(header: GgufHeader, read: (key: string) => Result<number>): Result<number> {
  const image = read("image_size");
  if (!image.ok) return image;
  const patch = read("patch_size");
  if (!patch.ok) return patch;
  const { metadata } = header;
  const projector = metadata.get("clip.vision.projector_type") ?? metadata.get("clip.projector_type");
  const own = Math.ceil(image.value / patch.value) ** 2;
  return ok(FIXED_SIZE.has(projector) ? own : Math.max(own, MOST_PATCHES));
}
