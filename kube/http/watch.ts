import type { KubeClient, KubeResult, Selection, WatchEvent } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { ResourceKind } from "../kinds.ts";
import { connectionFailure } from "./connection-failure.ts";
import { describe, pathOf, queryOf, selectionQuery } from "./paths.ts";
import { type KubeRequest, open } from "./request.ts";
import type { Session } from "./session.ts";
import { lineSplitter, watchEventOf } from "./watch-stream.ts";

type WatchSelection = Parameters<KubeClient["watch"]>[1];

/** No event is given after the returned promise is settled. */
export async function watch(
  session: Session,
  kind: ResourceKind,
  selection: WatchSelection,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
): Promise<KubeResult<void>> {
  const path = pathOf(kind, selection);
  if (!path.ok) return path;
  const what = `watch ${describe(kind, selection)}`;
  const secret = kind.plural === "secrets";
  const request: KubeRequest = { method: "GET", path: path.value + watchQuery(selection), what, secret };
  const silence = alarm(selection.silenceMs);
  try {
    const opened = await open(session, request, AbortSignal.any([signal, silence.signal]));
    if (!opened.ok) return ended(opened);
    let problem: KubeResult<WatchEvent> | undefined;
    const take = lineSplitter((line) => {
      if (problem !== undefined || signal.aborted) return;
      const event = watchEventOf(line, kind, request);
      if (event.ok) onEvent(event.value);
      else problem = event;
    });
    for await (const chunk of opened.value.body as AsyncIterable<Uint8Array>) {
      silence.rewind();
      const taken = take(chunk);
      if (!taken.ok) return { ...taken, error: `${what}: ${taken.error}` };
      if (problem !== undefined && !problem.ok) return problem;
    }
    return signal.aborted ? failed("aborted", `${what}: it was given up`) : succeeded(undefined);
  } catch (error) {
    return ended(connectionFailure(what, session.server(), error));
  } finally {
    silence.stop();
  }

  function ended(failure: KubeResult<never>): KubeResult<never> {
    if (signal.aborted) return failed("aborted", `${what}: it was given up`);
    if (silence.signal.aborted) {
      return failed("unavailable", `${what}: ${session.server()} was silent for ${selection.silenceMs / 1000} s`);
    }
    return failure;
  }
}

function watchQuery(selection: WatchSelection): string {
  const { resourceVersion, sendInitialEvents, timeoutSeconds } = selection satisfies Selection;
  return queryOf({
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds: Math.max(1, Math.round(timeoutSeconds)),
    resourceVersion,
    ...(sendInitialEvents && { sendInitialEvents, resourceVersionMatch: "NotOlderThan" }),
    ...selectionQuery(selection),
  });
}

/** A signal that is aborted when nothing rewinds it for that long. */
function alarm(milliseconds: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, rewind: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
