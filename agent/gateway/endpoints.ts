import type { ErrorShape, Refusal } from "./refusal.ts";

/** What a path asks for. */
export type Endpoint =
  | { readonly kind: "health" }
  | { readonly kind: "models" }
  /** `name`: as clients call it. */
  | { readonly kind: "model"; readonly name: string }
  /** Goes to the server of the model that its body names. `name`: without `/v1`, for metrics. */
  | { readonly kind: "inference"; readonly name: string };

/**
 * What llama-server answers about one model. It has more paths, which are not let through: they show other clients' prompts (/slots),
 * change its settings (/props, /lora-adapters) or load models behind the agent's back (/models/load).
 */
const INFERENCE: ReadonlySet<string> = new Set([
  "/chat/completions",
  "/chat/completions/input_tokens",
  "/completions",
  "/completion",
  "/embeddings",
  "/embedding",
  "/rerank",
  "/reranking",
  "/responses",
  "/responses/input_tokens",
  "/messages",
  "/messages/count_tokens",
  "/audio/transcriptions",
  "/audio/translations",
  "/audio/speech",
  "/tokenize",
  "/detokenize",
  "/infill",
  "/apply-template",
]);

/** What this method and target ask for. A target may have a query, which is passed on. */
export function endpointOf(method: string, target: string): Endpoint | Refusal {
  if (!target.startsWith("/")) {
    const message = "the request's target must be a path such as /v1/chat/completions, without a host";
    return { status: 400, code: "absolute_target", message };
  }
  const [path = ""] = target.split("?");
  const found = named(path);
  if (found === undefined) return { status: 404, code: "unknown_path", message: notFound(path) };
  if ("status" in found) return found;
  const allow = found.kind === "inference" ? "POST" : "GET, HEAD";
  if (allow.split(", ").includes(method)) return found;
  return { status: 405, code: "wrong_method", message: `this path takes ${allow.replace(", ", " and ")} only`, allow };
}

/** The shape of errors at this target: /v1/messages is Anthropic's. */
export function errorShapeOf(target: string): ErrorShape {
  return /^(?:\/v1)?\/messages(?:[/?]|$)/.test(target) ? "anthropic" : "openai";
}

function named(path: string): Endpoint | Refusal | undefined {
  if (path === "/health" || path === "/healthz") return { kind: "health" };
  const name = path.startsWith("/v1/") ? path.slice(3) : path;
  if (name === "/models") return { kind: "models" };
  if (INFERENCE.has(name)) return { kind: "inference", name };
  const prefix = "/models/";
  // /models/load and /models/unload are paths of llama-server's router, and nobody's model.
  return name.startsWith(prefix) && name.length > prefix.length ? modelAt(name.slice(prefix.length)) : undefined;
}

function modelAt(encoded: string): Endpoint | Refusal {
  try {
    return { kind: "model", name: decodeURIComponent(encoded) };
  } catch {
    return { status: 400, code: "bad_encoding", message: "the model in the path is not URL-encoded UTF-8" };
  }
}

function notFound(path: string): string {
  const shown = path.length > 128 ? `${path.slice(0, 128)}...` : path;
  return `there is no ${JSON.stringify(shown)} here: /v1/models lists the models, /v1/chat/completions is one of the paths that they answer`;
}
