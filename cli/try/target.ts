import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { nearest } from "../../api/explain.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { chooseWorkload } from "../logs-print.ts";
import { stateFolder } from "../state-folder.ts";
import { statusNow } from "../status-liveness.ts";
import type { TryFlags } from "./flags.ts";

/** Who is asked. */
export interface Target {
  /** `http://host:port`: what comes before `/v1`. */
  readonly origin: string;
  readonly who: "gateway" | "server";
}

/** The gateway that the flags name, else that of the agent, else the model's own server. */
export async function findTarget(model: string, flags: TryFlags): Promise<Result<Target>> {
  if (flags.gateway !== undefined) return ok({ origin: flags.gateway, who: "gateway" });
  const folder = await stateFolder(flags);
  const written = await readStatus(folder);
  if (!written.ok) return written;
  const { status, liveness } = await statusNow(folder, written.value);
  if (liveness.is === "gone") return fail("no agent runs: start it with pulumi-llmkube agent", "unreachable");
  return targetOf(model, status);
}

/** The same, by what the agent says of itself. */
export function targetOf(model: string, { agent, workloads }: AgentStatus): Result<Target> {
  if (agent.gatewayUrl !== undefined) return ok({ origin: new URL(agent.gatewayUrl).origin, who: "gateway" });
  const chosen = chooseWorkload(model, workloads);
  if (!chosen.ok) return fail(`${chosen.error}${suggestion(model, workloads)}`);
  const { name, state, message, endpoint } = chosen.value;
  if (state === "Ready" && endpoint !== undefined) return ok({ origin: new URL(endpoint).origin, who: "server" });
  const why = message === undefined ? "" : ` (${message})`;
  return fail(
    `${name} is ${state}${why}, and this agent has no gateway that would load it: agent --gateway`,
    "unreachable",
  );
}

function suggestion(wanted: string, workloads: readonly WorkloadStatus[]): string {
  const near = nearest(wanted, [...new Set(workloads.flatMap(({ name }) => [name, name.split("/")[1] ?? name]))]);
  return near === undefined ? "" : `; did you mean ${near}?`;
}
