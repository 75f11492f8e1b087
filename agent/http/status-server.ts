import { packageVersion } from "../state/package.ts";
import type { AgentStatus } from "../status/status.ts";
import type { ListenAddress } from "./listen.ts";
import { viewOfLoop } from "./view.ts";

/** Metrics, health, status and the page that shows it, for as long as the agent runs. */
export interface StatusServer {
  /** Of the status page; undefined where there is none. */
  readonly url?: string;
  /** Why there is none though one was asked for. */
  readonly problem?: string;
  /** Takes the status after a tick that took `seconds`. */
  readonly show: (status: AgentStatus, seconds: number) => void;
  readonly close: () => Promise<void>;
}

/** Never fails: an agent without a window still holds its budgets. */
export async function openStatusServer(listen: ListenAddress | "off"): Promise<StatusServer> {
  if (listen === "off") return CLOSED;
  const [{ agentMetrics }, { serveHttp }] = await Promise.all([import("./metrics.ts"), import("./server.ts")]);
  const view = viewOfLoop(() => performance.now());
  const metrics = agentMetrics(packageVersion());
  const server = await serveHttp(listen, view, metrics);
  if (!server.ok) return { ...CLOSED, problem: server.error };
  return {
    url: server.value.url,
    show: (status, seconds) => {
      metrics.observe(status);
      metrics.ticked(seconds);
      view.show(status);
    },
    close: server.value.close,
  };
}

const CLOSED: StatusServer = { show: () => {}, close: async () => {} };
