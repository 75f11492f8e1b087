import { UNKNOWN } from "../../policies/analyse.ts";
import { llmModel } from "../resources.ts";
import type { Stack } from "../stack.ts";

const LLAMA = "/models/llama3.1-8b.gguf";
const serving = { contextSize: 8192 };
const SIZES = { sizes: { "https://models.example.com/chat.gguf": "4.4Gi" } };

function chat(args: object) {
  return llmModel("chat", { memoryBudget: "8Gi", serving, ...args });
}

/** Where weights come from, and what cannot be read of them. */
export const SOURCES: readonly Stack[] = [
  {
    name: "unpinned-source",
    about: "A model of the hub by the name of its file alone.",
    recommended: "passes",
    resources: chat({ source: "hf://org/repo/llama3.1-8b.gguf" }),
  },
  {
    name: "http-source",
    about: "Weights over plain http.",
    recommended: "refused",
    resources: chat({ source: "http://models.example.com/llama3.1-8b.gguf" }),
  },
  {
    name: "credentials-in-address",
    about: "A password in the address of the weights.",
    recommended: "refused",
    resources: chat({ source: "http://me:s3cr3t@models.example.com/llama3.1-8b.gguf" }),
  },
  {
    name: "token-in-query",
    about: "A token in the query of an address.",
    recommended: "refused",
    resources: chat({ source: "http://models.example.com/llama3.1-8b.gguf?token=s3cr3t" }),
  },
  {
    name: "source-not-allowed",
    about: "Weights from an organisation that is not on the list.",
    recommended: "refused",
    resources: chat({ source: "hf://org/repo@0123456789abcdef0123456789abcdef01234567/llama3.1-8b.gguf" }),
    options: { allowedSources: { allow: ["hf://ggml-org", "/models/"] } },
  },
  {
    name: "licence-not-allowed",
    about: "A model whose licence is not on the list.",
    recommended: "refused",
    resources: chat({ source: "/models/non-commercial.gguf" }),
    options: { licenceAllowList: { allow: ["apache-2.0", "mit"] } },
  },
  {
    name: "old-quantization",
    about: "Weights in a quantization that better ones have replaced.",
    recommended: "passes",
    resources: chat({ source: "/models/q4_1.gguf" }),
  },
  {
    name: "no-such-file",
    about: "A file that is not there.",
    recommended: "refused",
    resources: chat({ source: "/models/lama3.1-8b.gguf" }),
  },
  {
    name: "unreadable-server",
    about: "A server that cannot be reached from where Pulumi runs.",
    recommended: "refused",
    resources: chat({ source: "https://models.example.com/chat.gguf" }),
  },
  {
    name: "declared-size",
    about: "The same with the size of the file in the configuration, as in CI.",
    recommended: "passes",
    resources: chat({ source: "https://models.example.com/chat.gguf" }),
    options: SIZES,
  },
  {
    name: "declared-size-too-large",
    about: "A declared size above the budget.",
    recommended: "refused",
    resources: chat({ source: "https://models.example.com/chat.gguf", memoryBudget: "4Gi" }),
    options: SIZES,
  },
  {
    name: "not-a-gguf",
    about: "A web page in the place of a model.",
    recommended: "refused",
    resources: chat({ source: "/models/page.gguf" }),
  },
  {
    name: "cut-short",
    about: "A download that was cut short in its header.",
    recommended: "refused",
    resources: chat({ source: "/models/cut-short.gguf" }),
  },
  {
    name: "vocab-only",
    about: "A file with a vocabulary and no weights.",
    recommended: "refused",
    resources: chat({ source: "/models/vocab-only.gguf" }),
  },
  {
    name: "no-layers",
    about: "A header that lacks the number of layers.",
    recommended: "refused",
    resources: chat({ source: "/models/no-layers.gguf" }),
  },
  {
    name: "unknown-architecture",
    about: "An architecture of which no rule is known.",
    recommended: "refused",
    resources: chat({ source: "/models/tomorrow.gguf" }),
  },
  {
    name: "unknown-values",
    about: "A budget and a port that are only known during the update, beside a context that is too long.",
    recommended: "passes",
    resources: llmModel("phi", {
      source: "/models/phi3-mini-4k.gguf",
      memoryBudget: UNKNOWN,
      serving: { contextSize: 8192, port: UNKNOWN },
    }),
  },
  {
    name: "unknown-source",
    about: "Only the source is not known yet.",
    recommended: "passes",
    resources: llmModel("chat", { source: UNKNOWN, memoryBudget: "8Gi", serving }),
  },
  {
    name: "bare-repository",
    about: "The name of a repository in the place of an address.",
    recommended: "refused",
    resources: chat({ source: "org/repo" }),
  },
  {
    name: "empty-source",
    about: "A source that is an empty text.",
    recommended: "refused",
    resources: chat({ source: "" }),
  },
  {
    name: "digest-for-a-web-address",
    about: "A local file with a digest, which strict asks for elsewhere.",
    recommended: "silent",
    resources: chat({ source: LLAMA, sha256: "a".repeat(64) }),
  },
];
