import { kernelLimitBytes } from "../../agent/kernel-limit/kernel-limit.ts";
import { serverFlags } from "../../agent/llama-server/flags.ts";
import { readSupportedFlags, type SupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { buffersIn, metalShare } from "../buffers.ts";
import { estimateOf, fieldsWith, footprintsOf, settingsHere, startServer } from "../llama.ts";
import type { Finding, Scene, Step } from "../step.ts";

const CONTEXTS = [1024, 8192, 32768];
/** `none` is what the agent starts a server with; a mapped file is not part of the footprint. */
const LOAD_MODES = ["none", "mmap"] as const;

export const estimate: Step = {
  name: "estimate",
  asserts: "a real llama-server stays within the kernel's limit for a budget of its estimate, while it loads and after",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const options = await readSupportedFlags(await scene.llamaServer());
    if (!options.ok) throw new Error(options.error);
    const findings: Finding[] = [];
    for (const loadMode of LOAD_MODES) {
      for (const context of CONTEXTS) {
        const settings = { ...settingsHere(scene, context), loadMode };
        findings.push(await compared(scene, settings, options.value));
      }
    }
    return findings;
  },
};

/** Starts one server, measures it and ends it. Its log and all figures are kept. */
async function compared(scene: Scene, settings: EstimateSettings, options: SupportedFlags): Promise<Finding> {
  const { contextSize, loadMode = "none" } = settings;
  const model = await scene.weights();
  const { totalBytes, parts } = await estimateOf(model, settings);
  const fields = await fieldsWith(settings);
  const args = withLoadMode(serverFlags(fields, { model }, options), loadMode);
  const name = `${loadMode}-${contextSize}`;
  const llamaServer = await scene.llamaServer();
  const server = startServer(scene, llamaServer, [...args, "--log-verbosity", "4"], name);
  const keepLog = () => scene.keep(`${name}.log.txt`, server.log(), [llamaServer, ...args]);
  const { peakBytes, steadyBytes } = await footprintsOf(server, fields, { model }, scene.signal).finally(keepLog);
  await server.end();
  const buffers = buffersIn(server.log());
  const figures = { settings, estimateBytes: totalBytes, parts, peakBytes, steadyBytes, buffers };
  scene.keep(`${name}.json`, `${JSON.stringify(figures, null, 2)}\n`);
  const [peak, steady, estimated] = [peakBytes, steadyBytes, totalBytes].map(formatBytes);
  const share = scene.machine.gpu === null ? "" : `, of which Metal's buffers ${metalShare(buffers)} MiB`;
  return {
    what: `context ${contextSize}, load mode ${loadMode}`,
    held: peakBytes > 0 && peakBytes <= kernelLimitBytes(totalBytes),
    saw: `peak ${peak}, then ${steady}${share}; the estimate is ${estimated}`,
  };
}

/** The agent's own arguments with another load mode; older builds know `--no-mmap` alone. */
export function withLoadMode(
  args: readonly string[],
  loadMode: (typeof LOAD_MODES)[number] | string,
): readonly string[] {
  const at = args.indexOf("--load-mode");
  if (at >= 0) return [...args.slice(0, at + 1), loadMode, ...args.slice(at + 2)];
  return loadMode === "none" ? args : args.filter((arg) => arg !== "--no-mmap");
}
