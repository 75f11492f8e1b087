import { homedir } from "node:os";
import { join } from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { fail, ok, type Result } from "../../api/result.ts";
import { failureText } from "./failures.ts";

/** What to do without a Pulumi CLI. */
export const NO_CLI =
  "there is no Pulumi CLI on PATH or in the usual places: install it (brew install pulumi, or https://www.pulumi.com/docs/install/)," +
  " or do without it: --emit manifests prints plain Kubernetes manifests for the agent's folder or for kubectl apply";

/** Folders that have `bin/pulumi` where an installer put it, and no shell has put that on PATH (launchd, cron, an editor). */
function usualRoots({ PULUMI_HOME }: NodeJS.ProcessEnv): readonly string[] {
  return [...(PULUMI_HOME ? [PULUMI_HOME] : []), join(homedir(), ".pulumi"), "/opt/homebrew", "/usr/local"];
}

/** The Pulumi CLI on PATH, else in the usual places. */
export async function findPulumi(env: NodeJS.ProcessEnv): Promise<Result<PulumiCommand>> {
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
  for (const root of [undefined, ...usualRoots(env)]) {
    try {
      return ok(await PulumiCommand.get(root === undefined ? {} : { root }));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // One that is there and does not do is named; another one would be a surprise.
      if (!/ENOENT/.test(text)) return fail(failureText(text));
    }
  }
  return fail(NO_CLI);
}
