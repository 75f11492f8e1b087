import { packagePath } from "../../agent/state/package.ts";
import { printed } from "../printed.ts";
import type { Step } from "../step.ts";

/** As `pulumi-llmkube doctor --json` prints it. */
interface Check {
  readonly name: string;
  readonly state: string;
  readonly found: string;
}

export const doctor: Step = {
  name: "doctor",
  asserts: "pulumi-llmkube doctor finds nothing on this machine that keeps the agent from its promise",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const llamaServer = await scene.llamaServer();
    const command = [packagePath("bin/pulumi-llmkube.js"), "doctor", "--json", "--llama-server", llamaServer];
    const { stdout } = await printed(scene, "doctor", [process.execPath, ...command]);
    const checks: readonly Check[] = JSON.parse(stdout);
    return checks.map(({ name, state, found }) => ({
      what: name,
      held: state !== "failed",
      saw: `${state}: ${found}`,
    }));
  },
};
