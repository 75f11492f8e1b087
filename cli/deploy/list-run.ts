import { access } from "node:fs/promises";
import { withoutCredentials } from "../../api/explain.ts";
import { plainJson } from "../../api/plain-text.ts";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { borderlessTable, printed } from "../borderless-table.ts";
import { withProgress } from "../progress.ts";
import { type AllDeployed, allDeployed, type Found } from "./all-deployed.ts";
import { engineHere } from "./change-stack.ts";
import { projectFolder } from "./engine.ts";
import { EXIT } from "./exit-codes.ts";
import type { ListFlags } from "./flags.ts";
import { endpointOf } from "./placement.ts";
import { targetText } from "./target.ts";

/** `pulumi-llmkube list`; sets the exit code. */
export async function run({ json }: ListFlags): Promise<void> {
  const { found, problems } = await everything();
  for (const problem of problems) console.error(`pulumi-llmkube: ${problem}`);
  console.log(json ? plainJson(found.map(rowOf)) : listText(found));
  if (problems.length > 0) process.exitCode = EXIT.failed;
}

/** Where nothing was ever deployed from here, no CLI is needed to say so. */
async function everything(): Promise<AllDeployed> {
  const used = await access(projectFolder()).then(
    () => true,
    () => false,
  );
  if (!used && !process.env["PULUMI_BACKEND_URL"]) return { found: [], problems: [] };
  return withProgress("reading what is deployed", allDeployed(await engineHere()));
}

/** What `--json` prints of a deployment. */
export function rowOf({ stack, target, deployed }: Found) {
  const { name, args, updatedAt } = deployed;
  const { serving, memoryBudget, memoryFraction } = args;
  const endpoint = endpointOf(deployed);
  return {
    name,
    source: withoutCredentials(args.source),
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(memoryFraction !== undefined && { memoryFraction }),
    contextSize: serving.contextSize ?? SERVER_DEFAULTS.contextSize,
    ...(serving.idleUnload !== undefined && { idleUnload: serving.idleUnload }),
    ...(serving.aliases !== undefined && { aliases: serving.aliases }),
    ...(serving.promptCache !== undefined && { promptCache: serving.promptCache }),
    ...(serving.savedSlots !== undefined && { savedSlots: serving.savedSlots }),
    target: targetText(target),
    stack,
    ...(endpoint !== undefined && { endpoint }),
    ...(updatedAt !== undefined && { updatedAt }),
  };
}

export function listText(found: readonly Found[]): string {
  if (found.length === 0) return "No deployments.";
  const table = borderlessTable({ head: ["MODEL", "SOURCE", "BUDGET", "CONTEXT", "TARGET", "UPDATED"] });
  for (const one of found) {
    const { name, source, memoryBudget, memoryFraction, contextSize, target, updatedAt } = rowOf(one);
    const share = memoryFraction === undefined ? "default" : `${memoryFraction * 100}%`;
    const updated = updatedAt?.replace(/\.\d+Z$/, "Z") ?? "-";
    table.push([name, source, memoryBudget ?? share, String(contextSize), target, updated]);
  }
  return printed(table);
}
