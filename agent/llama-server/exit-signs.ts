/** What a line in the log of a server says about why it ended. */
interface Sign {
  readonly pattern: RegExp;
  readonly reason: string;
  /** A clause: what is wrong and, where it is known, the remedy. */
  readonly message: string;
  /** The first line that fits says why, where `pattern` only tells that it ended. */
  readonly says?: RegExp;
}

const FETCH_AGAIN = "fetch the file again";
const UPDATE = "update llama.cpp to a version that knows it";

/**
 * What can end a server that has loaded its model, too. The first that fits is the reason: what is told first is a cause of what comes
 * after. The lines are those of llama.cpp's ggml-metal and ggml-backend (docs/background/apple-memory.md, "Metal faults").
 */
const RUNNING: readonly Sign[] = [
  {
    pattern:
      /kIOGPUCommandBufferCallbackErrorOutOfMemory|Insufficient Memory|failed to allocate (?:Metal|MTL)|ggml_metal_\w+: error: failed to allocate/,
    reason: "MetalOutOfMemory",
    message: "the GPU ran out of memory: lower contextSize, or stop another model",
  },
  {
    pattern: /backend is in error state|command buffer \d+ failed with status 5|kIOGPUCommandBufferCallbackError/,
    reason: "GpuFault",
    message: "a GPU command failed, and so does every later one until a restart",
  },
  {
    pattern:
      /failed to allocate|unable to allocate|bad_alloc|insufficient memory|(?:vm_allocate|posix_memalign|calloc) failed|Cannot allocate memory/i,
    reason: "OutOfMemory",
    message: "it could not allocate memory: lower contextSize, or stop another model",
  },
];

/** Of level E. */
const ERROR = /^(?:\d+\.){3}\d+ E /;

/** What keeps a server from starting: the lines of llama.cpp's arg, gguf, llama-model-loader, llama-adapter, clip and server. */
const STARTING: readonly Sign[] = [
  {
    pattern: /Library not loaded:|Symbol not found:|error while loading shared libraries:/,
    reason: "LibraryMissing",
    message: "a library that it needs is missing or of another version: install llama.cpp anew",
  },
  {
    pattern: /couldn't bind|failed to bind|address already in use/i,
    reason: "PortInUse",
    message: "another process took its port, or no interface has its address",
  },
  {
    pattern: /error: invalid argument|error while handling argument/i,
    reason: "BadFlag",
    message: "it rejected one of its flags",
  },
  {
    pattern: /chat template parsing error|chat template is not supported|chat_templates_init: error/,
    reason: "BadChatTemplate",
    message: "it cannot read the chat template: mend it, or take the model's own",
    says: /chat template parsing error|chat_templates_init: error/,
  },
  {
    pattern: /unknown model architecture: ''/,
    reason: "LoadFailed",
    message: "the file names no architecture: it is no model, or was converted badly",
  },
  {
    pattern: /(?:unknown|unsupported) model architecture/,
    reason: "UnknownArchitecture",
    message: `this version of llama.cpp does not know the model's architecture: ${UPDATE}`,
  },
  {
    pattern: /unknown (?:pre-)?tokenizer/,
    reason: "UnknownTokenizer",
    message: `this version of llama.cpp does not know the model's tokenizer: ${UPDATE}`,
  },
  {
    pattern: /unknown (?:vision |audio )?projector type/,
    reason: "UnknownProjector",
    message: `this version of llama.cpp does not know the kind of projector: ${UPDATE}`,
  },
  {
    pattern: /has invalid ggml type|GGUF file is version \d+ but this software only supports/,
    reason: "UnsupportedFile",
    message: `this version of llama.cpp does not know the file's format: ${UPDATE}`,
  },
  {
    pattern: /GGUFv1 is no longer supported|bad GGUF version|GGUF file version \d+ is extremely large/,
    reason: "UnsupportedFile",
    message: "the file is of a format that llama.cpp does not read any more: take a newer conversion of the model",
  },
  {
    pattern: /invalid magic characters|failed to read magic/,
    reason: "NoGguf",
    message: `the file is no GGUF file: ${FETCH_AGAIN}`,
  },
  {
    pattern: /failed to open .*(?:Permission denied|Operation not permitted)/,
    reason: "FileUnreadable",
    message: "it may not read a file: check its permissions and, on a Mac, where the system lets it read",
  },
  {
    pattern: /failed to open .*No such file|failed to open file '/,
    reason: "FileMissing",
    message: "a file is not there",
  },
  {
    pattern:
      /illegal split file idx|invalid split (?:file|count)|failed to load GGUF split|in GGUF split|model must be loaded with the first split/,
    reason: "BadShards",
    message: "the shards of the model do not belong together, or the first is not named: fetch all of one conversion",
  },
  {
    pattern:
      /not within the file bounds|unexpectedly reached end of file|failed to read (?:key-value pairs|tensor|header)|exceeds remaining file size|corrupted model: /,
    reason: "IncompleteFile",
    message: `the file is incomplete or damaged: ${FETCH_AGAIN}`,
  },
  {
    pattern: /CLIP cannot be used as main model/,
    reason: "NoModel",
    message: "the file is a projector: it belongs beside a model",
  },
  {
    pattern: /mismatch between (?:text model|vision and audio)/,
    reason: "BadProjector",
    message: "the projector is of another model: take the one that was made with this model",
  },
  {
    pattern: /[Ff]ailed to load CLIP model|failed to load multimodal model/,
    reason: "BadProjector",
    message: "it could not load the projector",
  },
  {
    pattern:
      /general\.type to be 'adapter'|adapter\.type to be 'lora'|arch and LoRA arch mismatch|maybe wrong base model/,
    reason: "BadAdapter",
    message: "the adapter is none, or of another model",
  },
  {
    pattern: /failed to load lora adapter/,
    reason: "BadAdapter",
    message: "it could not load the adapter",
    says: /llama_adapter_lora_init/,
  },
  {
    pattern: /draft model vocab type must match|draft model is not|draft model number of sequences/,
    reason: "BadDraft",
    message: "the draft model does not fit the model",
  },
  {
    pattern: /tensor '.*' not found|missing tensor|wrong number of tensors|has wrong shape|unable to find tensor/,
    reason: "MissingTensor",
    message:
      "the file's tensors are not those of its architecture: take a newer conversion of the model, or update llama.cpp",
  },
  {
    pattern: /key not found in model|has wrong (?:type|array length)|error loading model hyperparameters/,
    reason: "BadHeader",
    message:
      "the file's header is not that of its architecture: take a newer conversion of the model, or update llama.cpp",
  },
  {
    pattern: /quantized V cache requires|different K .* and V .* cache types|block size \d+ does not divide/,
    reason: "BadCacheType",
    message: "the cache types do not fit the model: take f16, or leave flash attention on",
  },
  {
    pattern:
      /failed to load (?:draft )?model|error loading model|failed to create_?\s?context|due to model loading error/i,
    reason: "LoadFailed",
    message: "it could not load the model",
    says: ERROR,
  },
  {
    pattern: /exiting due to|failed to initialize HTTP server/,
    reason: "StartFailed",
    message: "it could not start",
    says: ERROR,
  },
];

/** Whenever it comes. */
const CRASHED: readonly Sign[] = [
  {
    pattern: /GGML_ASSERT\(|GGML_ABORT|uncaught exception|terminate called after throwing/,
    reason: "Crashed",
    message: "it came upon a fault of its own",
  },
];

export interface Found extends Sign {
  /** What the server printed, without time, place and what may be secret. */
  readonly line: string;
}

/** It says so while it tries how much fits, and tries again. */
const TRIAL = /common_fit_params|get_memory_usage/;
/** From here on clients may have it quoted what they like. */
const LOADED = /llama_server: model loaded/;

/** What a log says about why a server ended: the first sign that fits a line, and the last line that it fits. */
export function signOfEnd(logTail: string): Found | undefined {
  const lines = logTail.split("\n");
  const atStart = LOADED.test(logTail) ? undefined : signIn(lines, STARTING);
  return signOfFault(logTail) ?? atStart ?? signIn(lines, CRASHED);
}

/** What it says about why a server that has loaded its model does not answer. Of each line only its own words count, not what it quotes. */
export function signOfFault(logTail: string): Found | undefined {
  return signIn(
    logTail.split("\n").map((line) => line.replace(/["'{}].*/, "")),
    RUNNING,
  );
}

function signIn(logLines: readonly string[], signs: readonly Sign[]): Found | undefined {
  const lines = logLines.filter((line) => !TRIAL.test(line));
  for (const sign of signs) {
    const { pattern, says } = sign;
    const line = lines.findLast((text) => pattern.test(text));
    if (line === undefined) continue;
    const saying = says === undefined ? undefined : lines.find((text) => says.test(text));
    return { ...sign, line: shownLine(saying ?? line) };
  }
  return undefined;
}

const SHOWN = 200;

/** A line of llama.cpp's log as part of a sentence. */
export function shownLine(line: string): string {
  return line
    .trim()
    .replace(PREFIX, "")
    .replace(/^(?:error loading model(?: \w+)?: |error: )+/, "")
    .replace(/(--?[a-z][\w-]*=)\S+/gi, "$1...")
    .replace(/\S+\/(?=[\w.-]+:\d+: GGML_)/, "")
    .slice(0, SHOWN);
}

/** `0.00.005.681 E llama_model_load: `, `0.01.298.257 I srv  llama_server: `, `dyld[812]: `. */
const PREFIX = /^(?:\d+(?:\.\d+){3} [A-Z] )?(?:(?:cmn|srv|slot|spec|que|res) +)?(?:[a-z_]\w*(?:\(\)|\[\d+\])?: +)*/;
