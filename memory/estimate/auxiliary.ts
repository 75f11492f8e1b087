import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { estimate, sumOf, weightsBytes } from "./estimate.ts";
import { tensorSizes } from "./loading.ts";
import type { Part } from "./parts.ts";
import { encoderBytes, PROJECTOR_BOUND } from "./projector.ts";
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

/**
 * The weights, and a compute buffer for the widest moment of each encoder's graph (llama.cpp, tools/mtmd/clip.cpp). Before that, each tensor passes through the CPU's memory on its way to the GPU.
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
    compute += bytes.value;
  }
  const staged = settings.backend === "metal" ? tensorSizes(header).largestOnGpu : 0;
  return ok({
    part: "mmproj",
    bytes: weights.value + Math.max(compute, staged),
    confidence: "bounded",
    notes: [PROJECTOR_BOUND],
  });
}
