import { fail, ok, type Result } from "../../api/result.ts";

/** Which part of a log, as `PodLogOptions` of Kubernetes say it. */
export interface LogQuery {
  readonly follow: boolean;
  /** That of the start before the last one. */
  readonly previous: boolean;
  /** Undefined: all. */
  readonly tailLines: number | undefined;
  /** Undefined: all. */
  readonly limitBytes: number | undefined;
  /** Milliseconds since 1970; undefined: from the start on. */
  readonly since: number | undefined;
}

const KNOWN = [
  "follow",
  "previous",
  "tailLines",
  "limitBytes",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "stream",
] as const;

/**
 * Reads the query of `/containerLogs`. What other names it has is passed over, as kubelet does.
 *
 * @param now milliseconds since 1970
 */
export function parseLogQuery(query: URLSearchParams, now: number): Result<LogQuery> {
  const twice = KNOWN.find((name) => query.getAll(name).length > 1);
  if (twice !== undefined) return fail(`${twice} is given more than once`);
  const [follow, previous, timestamps] = (["follow", "previous", "timestamps"] as const).map((name) =>
    flag(query, name),
  );
  if (follow === undefined || previous === undefined || timestamps === undefined) {
    return fail("follow, previous and timestamps must be true or false");
  }
  if (timestamps) {
    return fail("there are no timestamps: llama-server writes its lines into its log itself, without the time of each");
  }
  if (!["", "All"].includes(query.get("stream") ?? "")) {
    return fail("standard output and standard error are one log here: ask for both, without stream");
  }
  const tailLines = whole(query, "tailLines", 0);
  const limitBytes = whole(query, "limitBytes", 1);
  const since = sinceOf(query, now);
  if (!tailLines.ok) return tailLines;
  if (!limitBytes.ok) return limitBytes;
  if (!since.ok) return since;
  return ok({ follow, previous, tailLines: tailLines.value, limitBytes: limitBytes.value, since: since.value });
}

function flag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name)?.toLowerCase();
  if (value === undefined || value === "false" || value === "0") return false;
  return value === "true" || value === "1" || value === "" ? true : undefined;
}

function whole(query: URLSearchParams, name: string, least: number): Result<number | undefined> {
  const text = query.get(name) ?? "";
  if (text === "") return ok(undefined);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && Number.isSafeInteger(value)) return ok(value);
  return fail(`${name} must be a whole number of at least ${least}`);
}

function sinceOf(query: URLSearchParams, now: number): Result<number | undefined> {
  const seconds = whole(query, "sinceSeconds", 1);
  if (!seconds.ok) return seconds;
  const time = query.get("sinceTime") ?? "";
  if (time !== "" && seconds.value !== undefined) return fail("only one of sinceSeconds and sinceTime may be given");
  if (seconds.value !== undefined) return ok(now - seconds.value * 1000);
  if (time === "") return ok(undefined);
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d+)?(Z|[+-]\d\d:\d\d)$/.test(time) ? Date.parse(time) : Number.NaN;
  return Number.isNaN(at) ? fail("sinceTime must be a time such as 2026-11-26T17:00:00Z") : ok(at);
}
