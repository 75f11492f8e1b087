import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Option } from "commander";
import { AGENTS, defaultState } from "../agent/state/paths.ts";
import { typedPath } from "./typed-path.ts";

export interface StateFlags {
  readonly manifests?: string;
  readonly state?: string;
}

/** The options that name an agent. */
export function stateOptions(): readonly Option[] {
  return [
    new Option(
      "--manifests <dir>",
      "manifest folder of the agent (default: the agent that wrote its status last)",
    ).argParser(typedPath),
    new Option("--state <dir>", "state folder of the agent, instead of --manifests")
      .argParser(typedPath)
      .conflicts("manifests"),
  ];
}

/** The state folder that the flags name; without any, the one that was written last. */
export async function stateFolder({ manifests, state }: StateFlags): Promise<string> {
  return state ?? (manifests === undefined ? await latestState() : defaultState(manifests));
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
