import type { ListenAddress } from "../../api/listen.ts";
import { awakeClock } from "../lifecycle/awake-clock.ts";
import { openFilesLimit } from "../lifecycle/open-files.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { packageVersion } from "../state/package.ts";
import type { StatusSink } from "../status/sink.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import { connectionsFor, HTTP_LIMITS } from "./limits.ts";
import { viewOfLoop } from "./view.ts";

/** Metrics, health, status and the page that shows it, for as long as the agent runs. */
export interface StatusServer {
  /** Of the status page; undefined where there is none. */
  readonly url?: string;
  /** Why there is none though one was asked for. */
  readonly problem?: string;
  readonly sinks: readonly StatusSink[];
  readonly runnables: readonly Runnable[];
  /** Takes how long a tick took. */
  readonly ticked: (seconds: number) => void;
}

/**
 * Never fails: an agent without a status page still holds its budgets.
 *
 * @param dump what the supervisor holds, as JSON
 * @param gateway undefined without a gateway
 */
export async function openStatusServer(
  listen: ListenAddress | "off",
  dump: () => unknown,
  gateway?: GatewayMetrics,
): Promise<StatusServer> {
  if (listen === "off") return NONE;
  const [{ agentMetrics }, { serveHttp }] = await Promise.all([import("./metrics.ts"), import("./server.ts")]);
  const view = viewOfLoop(awakeClock(() => performance.now()));
  const metrics = agentMetrics(packageVersion(), gateway);
  const limits = { ...HTTP_LIMITS, connections: connectionsFor(openFilesLimit()) };
  const server = await serveHttp(listen, view, metrics, dump, limits);
  if (!server.ok) return { ...NONE, problem: server.error };
  const { url, close } = server.value;
  const sink: StatusSink = {
    name: "the status page",
    publish: async (status) => {
      metrics.observe(status);
      view.show(status);
    },
    terminated: async () => {},
  };
  const runnable: Runnable = {
    name: "the status server",
    run: async (signal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await close();
    },
  };
  return { url, sinks: [sink], runnables: [runnable], ticked: metrics.ticked };
}

const NONE: StatusServer = { sinks: [], runnables: [], ticked: () => {} };
