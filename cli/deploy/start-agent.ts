import { canonicalPath } from "../../agent/state/canonical-path.ts";
import { DEFAULT_MANIFESTS } from "../../agent/state/paths.ts";
import { quoted } from "./emit/project.ts";

/** The command that starts an agent for a folder. */
export function agentCommandFor(folder: string): string {
  if (folder === canonicalPath(DEFAULT_MANIFESTS)) return "pulumi-llmkube agent";
  return `pulumi-llmkube agent --manifests ${quoted(folder)}`;
}
