import * as z from "zod";
import type { Outcome } from "./forward.ts";
import type { GatewayLimits } from "./limits.ts";
import type { RequestEnd } from "./observer.ts";
import type { Refusal } from "./refusal.ts";

/** What follows from what became of a request at its server. */
export type Verdict =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "aborted" }
  /** It goes to a server once more. */
  | { readonly kind: "again" }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly end: RequestEnd }
  | {
      readonly kind: "broken";
      readonly status: number;
      readonly isStream: boolean;
      readonly isWithinLine: boolean;
      readonly refusal: Refusal;
    };

export interface Circumstances {
  /** How often it went to a server. */
  readonly tries: number;
  /** Its body is still there, and its deadline has not passed. */
  readonly canRepeat: boolean;
  /** What was wrong with the rest of the body. */
  readonly fault: Refusal | undefined;
  /** It has a status, and waits for events. */
  readonly isTold: boolean;
}

/** A server that has just ended is noticed by the agent within a tick; then its model has another route. */
const MOST_TRIES = 10;
const BROKE: Refusal = {
  status: 502,
  code: "server_broke",
  message: "the model's server broke off the answer: pulumi-llmkube status says why",
};

export function judged(outcome: Outcome, { tries, canRepeat, fault, isTold }: Circumstances): Verdict {
  switch (outcome.kind) {
    case "answered":
    case "aborted":
      return outcome;
    case "broken":
      return { ...outcome, refusal: fault ?? BROKE };
    case "unanswered": {
      if (fault !== undefined) return { kind: "refused", end: "refused", refusal: fault };
      if (!outcome.isSent && canRepeat && tries < MOST_TRIES) return { kind: "again" };
      return { kind: "refused", end: "broken", refusal: unanswered(outcome.why) };
    }
    case "kept":
      if (outcome.status === 503 && isLoading(outcome.text)) {
        if (canRepeat) return { kind: "again" };
        const message = "the model's server is still loading: try again in a moment";
        return {
          kind: "refused",
          end: "refused",
          refusal: { status: 503, code: "model_not_ready", message, retryAfterMs: 5000 },
        };
      }
      return { kind: "refused", end: "answered", refusal: translated(outcome.status, outcome.text, isTold) };
  }
}

function unanswered(why: string): Refusal {
  if (why === "UND_ERR_HEADERS_TIMEOUT") {
    return { status: 504, code: "server_silent", message: "the model's server did not answer in time" };
  }
  const message = `the model's server gave no answer (${why}): pulumi-llmkube status says how it is`;
  return { status: 502, code: "server_unreachable", message };
}

const errorSchema = z.object({ error: z.object({ message: z.string() }) });
const LONGEST_MESSAGE = 1000;

function messageIn(text: string): string | undefined {
  try {
    return errorSchema.safeParse(JSON.parse(text)).data?.error.message.slice(0, LONGEST_MESSAGE);
  } catch {
    return undefined;
  }
}

function isLoading(text: string): boolean {
  return /\bloading\b/i.test(messageIn(text) ?? "");
}

/** An answer that the client cannot have as it is. */
function translated(status: number, text: string, isTold: boolean): Refusal {
  if (status === 401 || status === 403) {
    const message = "the model's server did not take the agent's own key: restart the model";
    return { status: 502, code: "server_key", message };
  }
  if (isTold && status < 400) {
    return {
      status: 502,
      code: "no_stream",
      message: "the model's server answered without the stream that was asked for",
    };
  }
  const message = messageIn(text) ?? `the model's server answered with status ${status}`;
  return { status, code: "server_error", message, ...(status === 503 && { retryAfterMs: 5000 }) };
}

/** Seconds as clients write them: `30`, `0.5`. */
const SECONDS = /^\d{1,9}(?:\.\d{1,9})?$/;

/** When a request that begun at `begunAt` waits no longer. */
export function deadlineOf(
  header: string | readonly string[] | undefined,
  begunAt: number,
  { waitMs, longestWaitMs }: Pick<GatewayLimits, "waitMs" | "longestWaitMs">,
): number | Refusal {
  if (header === undefined) return begunAt + waitMs;
  if (typeof header === "string" && SECONDS.test(header)) {
    return begunAt + Math.min(longestWaitMs, Number(header) * 1000);
  }
  const message = "X-Request-Timeout must be a number of seconds such as 30 or 2.5";
  return { status: 400, code: "bad_timeout", message };
}
