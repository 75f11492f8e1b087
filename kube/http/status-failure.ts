import { z } from "zod";
import type { KubeFailure, KubeFailureKind } from "../client.ts";
import { failed } from "../failure.ts";

const status = z.object({
  kind: z.literal("Status"),
  message: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  code: z.number().optional().catch(undefined),
  details: z
    .object({ retryAfterSeconds: z.number().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** No message of a server is repeated beyond this. */
const LONGEST_MESSAGE = 600;

export interface RefusedRequest {
  /** `patch pods/status default/llama`. */
  readonly what: string;
  /** The server's words may repeat what was sent, which is a secret. */
  readonly secret: boolean;
}

/**
 * What a status other than 2xx means.
 *
 * @param retryAfter the header, in seconds or as a date
 * @param now milliseconds since 1970
 */
export function statusFailure(
  request: RefusedRequest,
  code: number,
  text: string,
  retryAfter: string | undefined,
  now: number,
): KubeFailure {
  return statusObjectFailure(request, jsonOf(text), code, headerWait(retryAfter, now));
}

/** What a `Status` object means: the body of an answer, or the object of an event of a watch. */
export function statusObjectFailure(
  { what, secret }: RefusedRequest,
  object: unknown,
  answered?: number,
  headerWaitMs?: number,
): KubeFailure {
  const read = status.safeParse(object);
  const said = read.success ? read.data : undefined;
  const code = answered ?? said?.code ?? 500;
  const seconds = said?.details?.retryAfterSeconds;
  const retryAfterMs = headerWaitMs ?? (seconds === undefined ? undefined : seconds * 1000);
  const message = secret ? undefined : said?.message?.replaceAll(/\s+/g, " ").slice(0, LONGEST_MESSAGE);
  const words = message ?? said?.reason ?? (read.success ? "no reason given" : "not an answer of an API server");
  return failed(kindOf(code), `${what}: the API server answered ${code}: ${words}`, {
    status: code,
    ...(said?.reason !== undefined && { reason: said.reason }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

const KINDS: ReadonlyMap<number, KubeFailureKind> = new Map([
  [400, "invalid"],
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "not-found"],
  [405, "invalid"],
  [406, "invalid"],
  [408, "unavailable"],
  [409, "conflict"],
  [410, "gone"],
  [413, "invalid"],
  [415, "invalid"],
  [422, "invalid"],
  [429, "throttled"],
]);

function kindOf(code: number): KubeFailureKind {
  return KINDS.get(code) ?? "unavailable";
}

function headerWait(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const wait = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
