import type { Route } from "../gateway/models.ts";
import type { Serving } from "../supervisor/serving.ts";

/** Between two looks at something that nobody knows the end of. */
const LATER_MS = 30_000;

/** Failures that the agent tries again by itself. */
const PASSING: ReadonlySet<string | undefined> = new Set([
  "PortInUse",
  "StartFailed",
  "DownloadFailed",
  "ApiKeyFileUnusable",
]);

/** Where a request goes now. Pure: undefined is a model that is not wanted any more. */
export function routeOf(serving: Serving | undefined): Route {
  if (serving === undefined) return { kind: "refused", why: "never", message: "nothing asks for this model any more" };
  const { address, decision, rest, expectedLoadMs, workload } = serving;
  if (address !== undefined) return { kind: "ready", ...address };
  const { state, reason, message = state } = decision;
  const sentence = `${workload.name}: ${message}`;
  switch (state) {
    case "Failed":
      return PASSING.has(reason)
        ? { kind: "refused", why: "later", message: sentence, retryAfterMs: LATER_MS }
        : { kind: "refused", why: "never", message: sentence };
    case "HeldBack":
    case "Stopped":
    case "BackOff":
    case "Downloading":
      return { kind: "refused", why: "later", message: sentence, retryAfterMs: LATER_MS };
    case "Waiting":
      // What was evicted for the machine's sake does not come back because somebody asks; nor does what nothing makes room for.
      if (reason === "Evicted" || rest?.kind === "blocked") {
        return { kind: "refused", why: "later", message: sentence, retryAfterMs: LATER_MS };
      }
      return {
        kind: "waits",
        message: sentence,
        expectedMs: expectedLoadMs + (rest?.kind === "waits" ? rest.untilMs : 0),
      };
    case "Pending":
    case "Starting":
    case "Ready":
    case "Draining":
    case "Sleeping":
      return { kind: "waits", message: sentence, expectedMs: expectedLoadMs };
  }
}
