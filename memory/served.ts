import { plainLine } from "../api/plain-text.ts";
import { fail, ok, type Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { estimateWith } from "./estimate/auxiliary.ts";
import type { Estimate, EstimateSettings } from "./estimate/types.ts";
import { incomplete, wrongAdapter, wrongModel, wrongProjector } from "./whole/wrong-file.ts";

/** A model and its auxiliary models. */
export interface Served {
  readonly header: GgufHeader;
  /** The multimodal projector for images or sound. */
  readonly mmproj?: GgufHeader | undefined;
  /** The draft model of speculative decoding. */
  readonly draft?: GgufHeader | undefined;
  readonly loras?: readonly GgufHeader[] | undefined;
}

/** The files of a model and of its auxiliary models, each in the form that its reader takes. */
export interface ServedFiles<File = string> {
  readonly model: File;
  readonly mmproj?: File | undefined;
  readonly draft?: File | undefined;
  readonly loras?: readonly File[] | undefined;
}

/** Reads the headers of all files at once; fails as the first of them that fails, in their order. */
export async function readServed<File>(
  files: ServedFiles<File>,
  read: (file: File) => Promise<Result<GgufHeader>>,
): Promise<Result<Served>> {
  return joinHeaders(files, await Promise.all(listOf(files).map(read)));
}

/** The same with headers that are read in the background: undefined while one of them still is. */
export function lookAtServed<File>(
  files: ServedFiles<File>,
  look: (file: File) => Result<GgufHeader> | undefined,
): Result<Served> | undefined {
  const headers = listOf(files).map(look);
  const known = headers.filter((header) => header !== undefined);
  if (known.length === headers.length) return joinHeaders(files, known);
  return known.find((header) => !header.ok);
}

function listOf<File>({ model, mmproj, draft, loras = [] }: ServedFiles<File>): readonly File[] {
  return [model, mmproj, draft, ...loras].filter((file) => file !== undefined);
}

/** @param headers in the order of `listOf` */
function joinHeaders(
  { mmproj, draft, loras }: ServedFiles<unknown>,
  headers: readonly Result<GgufHeader>[],
): Result<Served> {
  const failure = headers.find((header) => !header.ok);
  if (failure !== undefined) return failure;
  const [header, ...rest] = headers.flatMap((each) => (each.ok ? [each.value] : []));
  if (header === undefined) throw new Error("a model without a file");
  return ok({
    header,
    mmproj: mmproj === undefined ? undefined : rest.shift(),
    draft: draft === undefined ? undefined : rest.shift(),
    loras: loras === undefined ? undefined : rest,
  });
}

/**
 * The estimate of files as they were read: fails like {@link estimateServed}, and where a file is not of its kind or not whole. What
 * llama-server would not load has no need.
 */
export function estimateWhole(served: Served, settings: EstimateSettings): Result<Estimate> {
  const wrong = firstWrong(served, wrongModel);
  if (wrong !== undefined) return fail(wrong);
  const estimated = estimateServed(served, settings);
  if (!estimated.ok) return { ...estimated, error: plainLine(estimated.error) };
  // llama.cpp, too, reads the keys first: they say which tensors there must be.
  const part = firstWrong(served, incomplete);
  if (part !== undefined) return fail(part);
  const { value } = estimated;
  return ok({ ...value, architecture: plainLine(value.architecture), notes: value.notes.map(plainLine) });
}

/** What is wrong with the first file that is, as one clause. @param ofModel what may be wrong with the model, and with one that drafts */
function firstWrong(
  { header, mmproj, draft, loras = [] }: Served,
  ofModel: (header: GgufHeader) => string | undefined,
): string | undefined {
  const model = ofModel(header);
  if (model !== undefined) return model;
  const projector = mmproj && wrongProjector(mmproj);
  if (projector !== undefined) return `mmproj: ${projector}`;
  const drafting = draft && ofModel(draft);
  if (drafting !== undefined) return `draft model: ${drafting}`;
  const adapter = loras.map(wrongAdapter).find((clause) => clause !== undefined);
  return adapter === undefined ? undefined : `LoRA adapter: ${adapter}`;
}

/**
 * The estimate of a model with its auxiliary models. The draft model has the same context and slots. Headers that nobody confirmed are
 * noted. Fails like `estimateWith`.
 */
export function estimateServed(served: Served, settings: EstimateSettings): Result<Estimate> {
  const { header, mmproj, draft, loras } = served;
  const estimated = estimateWith(header, settings, {
    ...(mmproj && { mmproj }),
    ...(draft && { draft: { header: draft, settings: draftSettings(settings) } }),
    ...(loras && { loras }),
  });
  const old = unconfirmedIn(served);
  if (!estimated.ok || old.length === 0) return estimated;
  return ok({ ...estimated.value, notes: [...estimated.value.notes, ...old] });
}

/** A sentence for each header that was read earlier, and that its source could not confirm now. */
export function unconfirmedIn({ header, mmproj, draft, loras = [] }: Served): readonly string[] {
  return [header, mmproj, draft, ...loras].flatMap((one) => one?.unconfirmed?.sentence ?? []);
}

/**
 * The settings of the draft model: context and slots are those of the main model, its KV cache is in f16. Both models share one
 * prompt cache. Only the main model's token table is placed with the GPU.
 */
export function draftSettings(settings: EstimateSettings): EstimateSettings {
  const { draftTokens: _drafted, cacheRamMiB: _shared, tableOnGpu: _placed, ...own } = settings;
  return { ...own, cacheTypeK: "f16", cacheTypeV: "f16" };
}
