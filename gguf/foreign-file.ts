import { quoted } from "../api/plain-text.ts";

/** Bytes of a file's beginning from which it is told what it is. */
export const TELLING_BYTES = 512;

interface Foreign {
  readonly is: (head: Uint8Array, text: string) => boolean;
  /** What it is and what would be right. */
  readonly words: string;
}

const begins =
  (...bytes: readonly number[]) =>
  (head: Uint8Array): boolean =>
    bytes.every((byte, at) => head[at] === byte);
const reads =
  (pattern: RegExp) =>
  (_head: Uint8Array, text: string): boolean =>
    pattern.test(text);

/** In this order: the first that fits. A magic number that was written as a little-endian word reads backwards. */
const FOREIGN: readonly Foreign[] = [
  {
    is: reads(/^version https:\/\/(git-lfs|hawser)\./),
    words: "it is a Git LFS pointer, which stands for the file: fetch the file itself (git lfs pull)",
  },
  {
    is: reads(/^\s*<(!doctype|html|head|\?xml|!--)/i),
    words: "it is a web page: take the address of the file itself (on a hub /resolve/, not /blob/)",
  },
  {
    is: reads(/^\s*\{[\s\S]*"(schemaVersion|mediaType)"/),
    words: "it is a manifest of a registry, as Ollama keeps them: name the blob of its layer of type model",
  },
  {
    is: reads(/^\s*\{[\s\S]*"weight_map"/),
    words: "it is the index of a model in safetensors files: convert the model to GGUF (convert_hf_to_gguf.py)",
  },
  {
    is: (head, text) => text.charAt(8) === "{" && head[6] === 0 && head[7] === 0,
    words: "it is a safetensors file: take the model's GGUF file, or convert it (convert_hf_to_gguf.py)",
  },
  {
    is: reads(/^(lmgg|fmgg|tjgg)/),
    words:
      "it is an old ggml file (ggml, ggmf or ggjt), as whisper.cpp and llama.cpp of before August 2023 have them: take a GGUF file of a language model",
  },
  {
    is: reads(/^algg/),
    words: "it is a LoRA adapter in the old ggla format: convert it again (convert_lora_to_gguf.py)",
  },
  {
    is: (head, text) => begins(0x50, 0x4b, 3, 4)(head) || text.startsWith("PK\x05\x06"),
    words: "it is a ZIP archive, as PyTorch writes them (.pt, .bin): take the model's GGUF file, or convert it",
  },
  {
    is: (head) => head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5,
    words: "it is a Python pickle, as PyTorch wrote them (.pt, .bin): take the model's GGUF file, or convert it",
  },
  {
    is: (head) => begins(0x1f, 0x8b)(head) || begins(0x28, 0xb5, 0x2f, 0xfd)(head) || begins(0xfd, 0x37, 0x7a)(head),
    words: "it is compressed (gzip, zstd or xz): unpack it",
  },
  {
    is: (head, text) =>
      /^(BZh|7z\xbc\xaf|Rar!)/.test(text) || text.slice(257, 262) === "ustar" || begins(4, 0x22, 0x4d, 0x18)(head),
    words: "it is an archive: unpack it",
  },
  {
    is: (head, text) => text.startsWith("\x7fELF") || text.startsWith("MZ") || begins(0xcf, 0xfa, 0xed, 0xfe)(head),
    words: "it is a program, as a llamafile is: take the GGUF file that is in it",
  },
  {
    is: (head) => begins(0x89, 0x48, 0x44, 0x46)(head),
    words: "it is an HDF5 file, as Keras writes them: take the model's GGUF file",
  },
  { is: reads(/^\x93NUMPY/), words: "it is a NumPy file: take the model's GGUF file" },
  { is: reads(/^.{4}TFL3/s), words: "it is a TensorFlow Lite file: take the model's GGUF file" },
  {
    is: (head) => head.every((byte) => byte === 0),
    words: "it begins with zeros, as a file that was reserved and never filled: fetch it again",
  },
  { is: reads(/^\s*[[{]/), words: "it is a JSON text, as a server answers instead of a file" },
];

/** What a file that is no GGUF is, by its first bytes ({@link TELLING_BYTES}, or all where it has fewer), as one clause. */
export function foreignFile(head: Uint8Array): string {
  const text = Buffer.from(head).toString("latin1");
  const known = FOREIGN.find(({ is }) => is(head, text))?.words;
  const start = quoted(Buffer.from(head.subarray(0, 4)).toString("utf8"));
  return `not a GGUF file: ${known ?? `it begins with ${start} instead of "GGUF"`}`;
}
