import { Option } from "commander";
import { typedPath } from "./typed-path.ts";

export interface StateFlags {
  readonly manifests?: string;
  readonly nodeName?: string;
  readonly state?: string;
}

/** The options that name an agent. */
export function stateOptions(): readonly Option[] {
  return [
    new Option(
      "--manifests <dir>",
      "manifest folder of the agent (default: the agent that wrote its status last)",
    ).argParser(typedPath),
    new Option("--node-name <name>", "name of the agent's node, in a cluster").conflicts("manifests"),
    new Option("--state <dir>", "state folder of the agent, instead of --manifests or --node-name")
      .argParser(typedPath)
      .conflicts(["manifests", "nodeName"]),
  ];
}
