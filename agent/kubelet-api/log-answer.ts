import type { IncomingMessage, ServerResponse } from "node:http";
import { sendText } from "../http/bounded.ts";
import { parseLogQuery } from "./log-query.ts";
import { type PodLog, selectLog, streamLog } from "./log-stream.ts";
import type { Served } from "./options.ts";

/** Logs that are read at a time. The rest of the connections is for everybody else. */
const MOST_STREAMS = 16;

export interface LogTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Sends logs, a bounded number at a time. */
export function logAnswers(options: Pick<Served, "nodeName" | "pods" | "logPathOf" | "status" | "clock" | "limits">) {
  const { nodeName, clock, limits } = options;
  let streams = 0;
  return async (target: LogTarget, search: URLSearchParams, response: ServerResponse, request: IncomingMessage) => {
    const log = podLogOf(options, target);
    const { namespace, pod, container } = target;
    if (log === undefined)
      return sendText(response, 404, `there is no container ${container} of pod ${namespace}/${pod} on ${nodeName}`);
    const query = parseLogQuery(search, clock.now());
    if (!query.ok) return sendText(response, 400, query.error);
    if (streams >= MOST_STREAMS)
      return sendText(response, 429, `${MOST_STREAMS} logs of this Mac are being read already: end one of them`);
    streams += 1;
    try {
      const parts = await selectLog(log, query.value);
      if (!parts.ok) return sendText(response, 400, `${container} of pod ${namespace}/${pod}: ${parts.error}`);
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
      response.flushHeaders();
      if (request.method === "HEAD") {
        response.end();
        return;
      }
      // A log may be silent for hours; TCP's keep-alive finds out who has gone.
      request.socket.setTimeout(0);
      await streamLog(response, parts.value, log, query.value);
      request.socket.setTimeout(limits.silenceMs);
    } finally {
      streams -= 1;
    }
  };
}

function podLogOf(
  { pods, logPathOf, status }: Pick<Served, "pods" | "logPathOf" | "status">,
  target: LogTarget,
): PodLog | undefined {
  const { namespace, pod, container } = target;
  const path = logPathOf(namespace, pod, container);
  if (path === undefined) return undefined;
  const workload = () => {
    const uid = pods().find(({ metadata }) => metadata.namespace === namespace && metadata.name === pod)?.metadata.uid;
    return status()?.workloads.find(({ id }) => id === uid);
  };
  const startedAt = workload()?.startedAt;
  return {
    path,
    startedAt: startedAt === undefined ? undefined : Date.parse(startedAt),
    // Another path is that of another pod of the same name.
    isOpen: () => logPathOf(namespace, pod, container) === path && workload()?.pid !== undefined,
  };
}
