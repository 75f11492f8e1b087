import { join } from "node:path";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation/index.js";
import type { PulumiEnvironment } from "../../toolchain/pulumi.ts";
import { type DemoModel, demoProgram } from "./program.ts";

const POLICY_PACK = join(import.meta.dirname, "../../policies/pack");

/** The output of a Pulumi run, and whether it succeeded. */
export interface Outcome {
  readonly succeeded: boolean;
  readonly output: string;
}

/** A stack of the real engine in the demo's own backend. Its program is {@link demoProgram} with `model`. */
export async function demoStack(pulumi: PulumiEnvironment, workDir: string, model: DemoModel): Promise<Stack> {
  const program = { projectName: "demo", stackName: "mac", program: demoProgram(model) };
  return LocalWorkspace.createOrSelectStack(program, {
    workDir,
    pulumiCommand: await PulumiCommand.get({ root: pulumi.root }),
    envVars: pulumi.env,
  });
}

/** `pulumi preview --policy-pack policies/pack`. A refusal is an outcome here, not an exception. */
export async function preview(stack: Stack, signal: AbortSignal): Promise<Outcome> {
  return outcome(signal, (onOutput) => stack.preview({ policyPacks: [POLICY_PACK], onOutput, signal, color: "never" }));
}

export async function upWithPolicies(stack: Stack, signal: AbortSignal): Promise<Outcome> {
  return outcome(signal, (onOutput) => stack.up({ policyPacks: [POLICY_PACK], onOutput, signal, color: "never" }));
}

/** `pulumi up` by somebody who left the policy pack out. */
export async function upWithoutPolicies(stack: Stack, signal: AbortSignal): Promise<Outcome> {
  return outcome(signal, (onOutput) => stack.up({ onOutput, signal, color: "never" }));
}

export async function destroy(stack: Stack, signal: AbortSignal): Promise<Outcome> {
  return outcome(signal, (onOutput) => stack.destroy({ onOutput, signal, color: "never" }));
}

async function outcome(
  signal: AbortSignal,
  run: (onOutput: (text: string) => void) => Promise<unknown>,
): Promise<Outcome> {
  // Pulumi does not hear of an abort that came before it began.
  signal.throwIfAborted();
  let output = "";
  const succeeded = await run((text) => {
    output += text;
  }).then(
    () => true,
    (error: Error) => {
      output ||= error.message;
      return false;
    },
  );
  return { succeeded, output: withoutProgress(output) };
}

/** The results in Pulumi's output, without the lines about progress. */
function withoutProgress(output: string): string {
  const lines = output.split("\n");
  return lines
    .filter((line) => !/^@ |^Loading policy packs| (creating|updating|deleting) \(|^\s*$/.test(line))
    .join("\n");
}
