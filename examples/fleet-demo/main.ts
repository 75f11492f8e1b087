import { ensureTool } from "../../toolchain/ensure.ts";
import { say } from "../demo/screen.ts";
import { runSteps } from "./steps.ts";

/** `npm run demo:fleet`: three Macs become nodes of a cluster. Exits with an error if a step does not do what its heading says. */
async function main(): Promise<void> {
  console.log(
    "A fleet: each Mac is a node of a Kubernetes cluster, each model a pod. Here three processes of our agent stand in for three Macs; the\n" +
      "control plane, llama-server and the weights are real.\n",
  );
  const tools = ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl"] as const;
  for (const tool of [...tools, "llama-server", "gemma3-270m"] as const) await ensureTool(tool, say);
  const started = performance.now();
  await runSteps(interrupt.signal);
  say(`It took ${Math.round((performance.now() - started) / 1000)} s.`);
}

const interrupt = new AbortController();
process.on("SIGINT", () => interrupt.abort());

await main().catch((error: unknown) => {
  if (!interrupt.signal.aborted)
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
});
