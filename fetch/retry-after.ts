/** Headers of an answer, as Node and undici give them: names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** No server is believed beyond this. */
const LONGEST_MS = 24 * 3_600_000;

/** Above this many seconds a number is a time since 1970, not a wait. */
const FIRST_TIMESTAMP = 10 ** 9;
/** Above this many it is that time in milliseconds. */
const FIRST_IN_MS = 10 ** 12;

/**
 * How long an answer asks to wait, in milliseconds from 0 to a day; undefined where it does not say. Read in this order: `Retry-After`
 * in seconds or as a date (RFC 9110 §10.2.3), the items of `RateLimit` that have nothing left (`"name";r=0;t=9`, or of the earlier draft
 * `limit=100, remaining=0, reset=9`), and `RateLimit-Reset` or `X-RateLimit-Reset` where `-Remaining` is 0. A 429 says by itself that
 * nothing is left, where its headers do not tell. Times are taken from the server's own `Date`: this machine's clock may be wrong.
 * @param now in milliseconds since 1970, for a server that says no `Date`
 */
export function retryAfterMs(headers: AnswerHeaders, now: number, status?: number): number | undefined {
  const date = Date.parse(textOf(headers, "date") ?? "");
  const serverNow = Number.isNaN(date) ? now : date;
  const untold = status === 429 ? 0 : undefined;
  const wait =
    waitOf(textOf(headers, "retry-after"), serverNow) ??
    rateLimitWait([headers["ratelimit"]].flat().join(", "), untold) ??
    resetWait(headers, "ratelimit", untold, serverNow) ??
    resetWait(headers, "x-ratelimit", untold, serverNow);
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), LONGEST_MS);
}

function waitOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const until = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return secondsWait(value, now) ?? (Number.isNaN(until) ? undefined : until - now);
}

/** A whole number of seconds to wait, or a time since 1970. */
function secondsWait(value: string, now: number): number | undefined {
  if (!/^\d+$/.test(value.trim())) return undefined;
  const count = Number(value);
  if (count >= FIRST_IN_MS && count < FIRST_IN_MS * 1000) return count - now;
  return count >= FIRST_TIMESTAMP ? count * 1000 - now : count * 1000;
}

/** A dictionary (`limit=100, remaining=0, reset=9`, in any order) is one limit; a list has one an item. */
const DICTIONARY = /^\s*(?:limit|remaining|reset)=/;

/**
 * The longest wait of those limits that are used up.
 * @param untold what is left of one that does not say it
 */
function rateLimitWait(value: string, untold: number | undefined): number | undefined {
  const items = DICTIONARY.test(value) ? [value] : value.split(",");
  const waits = items.flatMap((item) => {
    const left = numberOf(item, /(?:^|[;,\s])(?:r|remaining)=(\d+)/) ?? untold;
    const seconds = numberOf(item, /(?:^|[;,\s])(?:t|reset)=(\d+)/);
    return left === 0 && seconds !== undefined ? [seconds * 1000] : [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

function numberOf(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function resetWait(
  headers: AnswerHeaders,
  prefix: string,
  untold: number | undefined,
  now: number,
): number | undefined {
  const reset = textOf(headers, `${prefix}-reset`);
  const left = textOf(headers, `${prefix}-remaining`)?.trim() ?? untold?.toString();
  // Some count parts of a second.
  return reset === undefined || left !== "0" ? undefined : secondsWait(reset.replace(/\.\d+$/, ""), now);
}

function textOf(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
