import type { Family } from "./family.ts";

/** Some layers, or all, have a sliding window. */
export const WINDOWED: Readonly<Record<string, Family>> = {
  gemma2: { source: "models/gemma2.cpp", sliding: { period: 2, defaultWindow: 4096 }, measured: true },
  gemma3: { source: "models/gemma3.cpp", sliding: { period: 6 }, measured: true },
  gemma3n: { source: "models/gemma3n.cpp", sliding: { period: 5 }, cachedLayers: 20, residualStreams: 4 },
  gemma4: {
    source: "models/gemma4.cpp",
    sharedCaches: true,
    denseOnMacs: true,
    sliding: { period: 0, patternRequired: true },
  },
  "gpt-oss": { source: "models/openai-moe.cpp", sliding: { period: 2 }, measured: true },
  llama4: { source: "models/llama4.cpp", sliding: { period: 4, fixedWindow: 8192 }, sharedExpert: true },
  cohere2: { source: "models/cohere2.cpp", sliding: { period: 4 }, parallelResidual: true },
  cohere2moe: { source: "models/cohere2moe.cpp", sliding: { period: 4, denseFirst: true } },
  olmo2: { source: "models/olmo2.cpp", sliding: { period: 4 } },
  exaone4: { source: "models/exaone4.cpp", sliding: { period: 4 } },
  "exaone-moe": { source: "models/exaone-moe.cpp", sliding: { period: 4 } },
  afmoe: { source: "models/afmoe.cpp", sliding: { period: 4 } },
  mellum: { source: "models/mellum.cpp", sliding: { period: 4 } },
  smallthinker: {
    source: "models/smallthinker.cpp",
    sliding: { period: 4, denseFirst: true, defaultWindow: 4096 },
  },
  laguna: { source: "models/laguna.cpp", sliding: { period: 4, denseFirst: true } },
  plamo3: { source: "models/plamo3.cpp", sliding: { period: 8 } },
  mimo2: { source: "models/mimo2.cpp", sliding: { period: 0, patternRequired: true }, denseLayers: true },
  step35: { source: "models/step35.cpp", sliding: { period: 0, patternRequired: true } },
  granite_swa: { source: "models/granite-swa.cpp", sliding: { period: 0, patternRequired: true } },
  "muse-glimmer": { source: "models/muse-glimmer.cpp", sliding: { period: 4 } },
  spark2_5: { source: "models/spark2-5.cpp", sliding: { period: 0, patternRequired: true } },
  maple: { source: "models/maple.cpp", sliding: { period: 0, patternRequired: true } },
};
