import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { defaultState, nodeState } from "../agent/state/default-state.ts";
import { AGENTS } from "../agent/state/paths.ts";
import { nodeNameProblem } from "../api/node-name.ts";
import type { StateFlags } from "./state-options.ts";

/** The state folder that the flags name; without any, the one that was written last. Throws one sentence for a name that no node can have. */
export async function stateFolder({ manifests, nodeName, state }: StateFlags): Promise<string> {
  if (state !== undefined) return state;
  if (nodeName !== undefined) {
    const problem = nodeNameProblem(nodeName);
    if (problem !== undefined) throw new Error(problem);
    return nodeState(nodeName);
  }
  return manifests === undefined ? latestState() : defaultState(manifests);
}

async function latestState(): Promise<string> {
  const names = await readdir(AGENTS).catch(() => []);
  const folders = names.map((name) => join(AGENTS, name));
  const times = await Promise.all(folders.map((folder) => stat(join(folder, "status.json")).catch(() => undefined)));
  const byTime = folders
    .map((folder, index) => ({ folder, at: times[index]?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  return byTime[0]?.folder ?? AGENTS;
}
