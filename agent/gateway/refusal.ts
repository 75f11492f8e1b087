/** Why a request gets no answer of a model. It is what clients see, in the shape of the API that they use. */
export interface Refusal {
  readonly status: number;
  /** What went wrong, as one sentence without a prompt or a key. */
  readonly message: string;
  /** Tells one reason from another for programs: `model_not_found`. */
  readonly code: string;
  /** The field of the request that is to blame. */
  readonly param?: string;
  /** Milliseconds until another try makes sense. */
  readonly retryAfterMs?: number;
  /** Methods that the path takes instead. */
  readonly allow?: string;
}

/** Whose shape an error has: that of the path that was asked. */
export type ErrorShape = "openai" | "anthropic";

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
  507: "insufficient_memory",
};

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
};

/** The answer's body. */
export function errorBody(refusal: Refusal, shape: ErrorShape, requestId: string): string {
  const { status, message, code, param } = refusal;
  const general = status < 500 ? "invalid_request_error" : undefined;
  if (shape === "anthropic") {
    const type = ANTHROPIC_TYPES[status] ?? general ?? "api_error";
    return JSON.stringify({ type: "error", error: { type, message }, request_id: requestId });
  }
  const type = OPENAI_TYPES[status] ?? general ?? "server_error";
  return JSON.stringify({ error: { message, type, code, param: param ?? null } });
}

/** The same as the last event of a stream whose status was told long ago. */
export function errorEvent(refusal: Refusal, shape: ErrorShape, requestId: string): string {
  const name = shape === "anthropic" ? "event: error\n" : "";
  return `${name}data: ${errorBody(refusal, shape, requestId)}\n\n`;
}

const LONGEST_RETRY_S = 3600;

/**
 * `Retry-After` in whole seconds, at least 1. Clients of OpenAI repeat what ends in 5xx by themselves, unless they are told that it does
 * not help.
 */
export function errorHeaders({ status, retryAfterMs, allow }: Refusal): Readonly<Record<string, string>> {
  const seconds = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs / 1000);
  return {
    ...(seconds !== undefined && { "retry-after": String(Math.max(1, Math.min(LONGEST_RETRY_S, seconds))) }),
    ...(status === 507 && { "x-should-retry": "false" }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
    ...(allow !== undefined && { allow }),
  };
}
