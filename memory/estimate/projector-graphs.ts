import type { GgufHeader } from "../../gguf/header.ts";

/** An encoder on its largest input. */
export interface EncoderSize {
  readonly embedding: number;
  readonly forward: number;
  readonly heads: number;
  /** Patches or frames of one input. */
  readonly positions: number;
  /** Inputs of one size that are encoded together. */
  readonly inputs: number;
  /** Numbers in a patch of the image: three colours. */
  readonly pixels: number;
  /** Patches of a side that become one token. */
  readonly merge: number;
  readonly flashAttention: boolean;
  /** Some layers see a window only, which a mask of all positions says. */
  readonly isWindowed: boolean;
}

/** Numbers of four bytes in all, and those of them that are the graph's inputs. */
export interface EncoderFloats {
  readonly floats: number;
  readonly inputs: number;
}

/** Numbers for each position; `width` is that of the text model. */
interface Moments {
  /** The widest moment of a layer with flash attention. */
  readonly flash: (size: EncoderSize) => number;
  /** What lies beside the scores of all positions without it. */
  readonly plain: (size: EncoderSize) => number;
  /** The widest moment of the projector behind the layers. */
  readonly projector: (size: EncoderSize, width: number) => number;
  /** What lies beside all of them: the image, positions, masks that are inputs. */
  readonly beside: (size: EncoderSize, width: number) => number;
  readonly inputs: (size: EncoderSize) => number;
  /** Positions that the encoder adds to those of the input. */
  readonly added?: number;
  /** The tensors of the projector whose output is as wide as the text model, or as its own widest layer. */
  readonly output: RegExp;
  readonly widthAt: 0 | 1;
}

const image = ({ pixels }: EncoderSize) => pixels + 5;
const nothing = () => 0;
/** The patches become rows: the image, the same as columns of a product, and the rows. */
const patching = ({ pixels, embedding }: EncoderSize) => 2 * pixels + 3 * embedding;
const merged = ({ embedding }: EncoderSize, width: number) => width / 2 + 2 * embedding;

/** Whisper's encoder. */
const WHISPER: Moments = {
  flash: ({ embedding, forward }) => Math.max(5 * embedding, forward + 3 * embedding),
  plain: ({ embedding }) => 4 * embedding,
  projector: ({ embedding }, width) => 2 * width + embedding,
  beside: nothing,
  inputs: () => 2 * 128,
  output: /^mm\.a\./,
  widthAt: 1,
};

/** What `test/fixtures/projectors.json` confirms; the graphs are those of llama.cpp, tools/mtmd/models. */
const MEASURED: Readonly<Record<string, Moments>> = {
  qwen2vl_merger: {
    flash: ({ embedding, forward }) => Math.max(5.5 * embedding, forward + 3.5 * embedding),
    plain: ({ embedding }) => 5 * embedding,
    projector: merged,
    beside: image,
    inputs: image,
    output: /^mm\.2\.weight$/,
    widthAt: 1,
  },
  "qwen2.5vl_merger": {
    // The mask of the windows in f32 and f16; later the f16 and one more copy of it, in what the f32 leaves.
    flash: ({ positions, embedding, forward }) =>
      Math.max(1.5 * positions + 4 * embedding, positions + 3 * forward + 3.5 * embedding),
    plain: ({ positions, embedding }) => positions + 5 * embedding,
    projector: (size, width) => 1.5 * size.positions + merged(size, width),
    beside: image,
    inputs: (size) => size.positions + image(size),
    output: /^mm\.2\.weight$/,
    widthAt: 1,
  },
  qwen3vl_merger: {
    flash: ({ embedding, forward }) => Math.max(7 * embedding, forward + 4 * embedding),
    plain: ({ embedding }) => 8 * embedding,
    projector: merged,
    beside: image,
    inputs: image,
    output: /^mm\.2\.weight$/,
    widthAt: 1,
  },
  gemma3: {
    flash: ({ embedding, forward }) => Math.max(5 * embedding, forward + 3 * embedding),
    plain: ({ embedding }) => 6 * embedding,
    projector: ({ embedding, positions }, width) => 2 * embedding + (embedding * width) / positions + width / 16,
    beside: nothing,
    inputs: image,
    output: /^mm\.input_projection\.weight$/,
    widthAt: 0,
  },
  mlp: {
    flash: ({ embedding, forward }) => Math.max(6 * embedding, forward + 4 * embedding),
    plain: ({ embedding }) => 5 * embedding,
    projector: ({ embedding }, width) => 2 * width + embedding,
    beside: image,
    inputs: image,
    added: 1,
    output: /^mm\.\d+\.weight$/,
    widthAt: 1,
  },
  pixtral: {
    flash: ({ embedding, forward }) => Math.max(5.5 * embedding, 3 * forward + 3.5 * embedding),
    plain: ({ embedding }) => 5 * embedding,
    // Every row of an image ends with a token: as many as tokens where the image is one token wide.
    projector: ({ embedding, merge }, width) => (3 * width) / merge ** 2 + embedding,
    beside: (size, width) => image(size) + width / size.merge ** 2,
    inputs: image,
    output: /^mm\.[12]\.weight$/,
    widthAt: 1,
  },
  internvl: {
    flash: ({ embedding, forward }) => Math.max(5 * embedding, forward + 3 * embedding),
    plain: ({ embedding }) => 4 * embedding,
    projector: merged,
    beside: nothing,
    inputs: image,
    added: 1,
    output: /^mm\.model\.mlp\.[13]\.weight$/,
    widthAt: 1,
  },
  qwen2a: WHISPER,
  ultravox: WHISPER,
};

/** The compute buffer of an encoder; an upper bound where nothing confirms its graph. */
export function encoderFloats(type: unknown, size: EncoderSize, header: GgufHeader): EncoderFloats {
  const moments = typeof type === "string" && Object.hasOwn(MEASURED, type) ? MEASURED[type] : undefined;
  const width = moments && widthOf(moments, header);
  return moments === undefined || width === undefined ? unmeasured(size) : measured(moments, size, width, header);
}

function measured(moments: Moments, size: EncoderSize, width: number, header: GgufHeader): EncoderFloats {
  const positions = size.positions + (moments.added ?? 0);
  const layer = size.flashAttention
    ? moments.flash(size)
    : Math.max(moments.flash(size), size.heads * positions + moments.plain(size));
  const widest = Math.max(
    layer,
    moments.projector(size, width),
    patching(size),
    deepstackFloats(size, width, deepstackLayers(header)),
  );
  const all = positions * size.inputs;
  return { floats: all * (widest + moments.beside(size, width)), inputs: all * moments.inputs(size) };
}

function widthOf({ output, widthAt }: Moments, { tensors }: GgufHeader): number | undefined {
  const widths = tensors.filter(({ name }) => output.test(name)).map(({ shape }) => shape[widthAt] ?? 1);
  return widths.length === 0 ? undefined : Math.max(...widths);
}

function deepstackLayers({ tensors }: GgufHeader): number {
  return tensors.filter(({ name }) => /^v\.deepstack\.\d+\.fc1\.weight$/.test(name)).length;
}

/**
 * The features of some layers wait for the end, where they are joined: 2 x 2 patches have one of the text model's width each. Those
 * that are no wider than the layers fit in what the layers leave.
 */
function deepstackFloats({ embedding, forward }: EncoderSize, width: number, layers: number): number {
  const one = width / 4;
  if (layers === 0 || (layers <= 3 && one <= embedding)) return 0;
  if (layers <= 3 && one < 2 * embedding) return 5 * one + 5 * embedding;
  if (layers <= 3) return 11 * one + 5 * embedding;
  // Nothing is used twice: each layer's features, each joined list, the embeddings, and the last list.
  const lists = (layers * (layers + 1)) / 2 - 1;
  return forward + 4 * embedding + one * (layers + lists + 1 + layers + 1);
}

function unmeasured(size: EncoderSize): EncoderFloats {
  const { embedding, forward, heads, positions, inputs, flashAttention, isWindowed } = size;
  const scores = flashAttention ? 0 : heads * positions;
  const masks = isWindowed ? 2 * positions : 0;
  const each = 3 * forward + 6 * embedding + scores + masks;
  return {
    floats: positions * inputs * each,
    inputs: positions * inputs * (image(size) + (isWindowed ? positions : 0)),
  };
}
