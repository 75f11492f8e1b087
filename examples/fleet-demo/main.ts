import { ensureTool } from "../../toolchain/ensure.ts";
import { say } from "../demo/screen.ts";
import { runSteps } from "./steps.ts";

/** `npm run demo:fleet`: three Macs become nodes of a cluster. Exits with an error if a step does not do what its heading says. */
async function main(): Promise<void> {
  console.log(
    "A fleet: each Mac is a node of a Kubernetes cluster, each model a pod. Here three processes of our agent stand in for three Macs, and\n" +
      "llama-server computes on the CPU. The control plane of Kubernetes, kubectl, llama-server and the weights are real.",
  );
  const tools = ["etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubectl"] as const;
  for (const tool of [...tools, "llama-server", "gemma3-270m"] as const) await ensureTool(tool, say);
  const started = performance.now();
  await runSteps(interrupt.signal);
  say(
    `Everything that the demo started has been stopped. It took ${Math.round((performance.now() - started) / 1000)} s.`,
  );
}

const interrupt = new AbortController();
process.on("SIGINT", () => {
  if (!interrupt.signal.aborted) console.error("\nStopping all that the demo started.");
  interrupt.abort();
});

try {
  await main();
} catch (error) {
  if (!interrupt.signal.aborted)
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  // What was waited for would go on to be waited for.
  process.exit(interrupt.signal.aborted ? 130 : 1);
}
