import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import { ensureTool } from "../../toolchain/ensure.ts";
import { pulumiEnvironment } from "../../toolchain/pulumi.ts";
import { say } from "./screen.ts";
import { type Demo, runSteps } from "./steps.ts";

/**
 * `npm run demo`: the main job from preview to a stopped server. Exits with an error if a step does not do what its
 * heading says.
 */
async function main(): Promise<void> {
  console.log(
    "pulumi-llmkube keeps a language model inside its memory budget, from pulumi preview to the running process.\n",
  );
  const folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-demo-"));
  try {
    await runSteps(await prepared(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The real parts, found or built side by side, and a folder for everything that the demo writes. */
async function prepared(folder: string): Promise<Demo> {
  const [pulumi, llamaServer, weights] = await Promise.all([
    pulumiEnvironment({ backendDir: join(folder, "backend"), report: say }),
    ensureTool("llama-server", say),
    ensureTool("gemma3-270m", say),
  ]);
  return {
    pulumi,
    llamaServer,
    weights,
    workDir: folder,
    manifests: join(folder, "manifests"),
    state: join(folder, "state"),
    models: join(folder, "models"),
    port: await getPort(),
    signal: interrupt.signal,
  };
}

const interrupt = new AbortController();
process.on("SIGINT", () => interrupt.abort());

await main().catch((error: unknown) => {
  if (!interrupt.signal.aborted)
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
});
