import { kernelLimitBytes } from "../../agent/kernel-limit/kernel-limit.ts";
import { type ServerFields, serverFlags } from "../../agent/llama-server/flags.ts";
import type { SupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { LoadMode } from "../../memory/estimate/types.ts";
import { buffersIn, metalShare, modelBuffers, modelMebibytes, type NamedBuffer, ownShare } from "../buffers.ts";
import { fieldsHere, footprintsOf, optionsOf, prepared, startServer } from "../llama.ts";
import type { Finding, Scene, Step } from "../step.ts";

const CONTEXTS = [1024, 8192, 32768];
const OVERRIDE = "--override-tensor";

/** One server that is measured. */
interface Variant {
  readonly contextSize: number;
  /** `none` is what the agent starts a server with; a mapped file is not part of the footprint. */
  readonly loadMode: Extract<LoadMode, "none" | "mmap">;
  /** Whether the agent may tell where the token table lies, as it does with `none` where llama-server and GPU allow it. */
  readonly table: "by the agent" | "twice";
}

const VARIANTS: readonly Variant[] = [
  ...CONTEXTS.map((contextSize) => ({ contextSize, loadMode: "none", table: "by the agent" }) as const),
  ...CONTEXTS.map((contextSize) => ({ contextSize, loadMode: "mmap", table: "twice" }) as const),
];

export const estimate: Step = {
  name: "estimate",
  asserts: "a real llama-server stays within the kernel's limit for a budget of its estimate, while it loads and after",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const options = await optionsOf(scene);
    const measured: Measured[] = [];
    for (const variant of VARIANTS) measured.push(await measure(scene, variant, options));
    const [first] = measured;
    if (first === undefined || !first.placed) return measured.map(({ finding }) => finding);
    const twice = await measure(scene, { contextSize: first.contextSize, loadMode: "none", table: "twice" }, options);
    return [...[...measured, twice].map(({ finding }) => finding), oneTable(first, twice)];
  },
};

interface Measured {
  readonly contextSize: number;
  /** Whether it was told to place the token table with the GPU. */
  readonly placed: boolean;
  readonly buffers: readonly NamedBuffer[];
  readonly finding: Finding;
}

/** What docs/decisions/one-token-table.md rests on. */
function oneTable(placed: Measured, twice: Measured): Finding {
  return {
    what: `the token table is there once with ${OVERRIDE}`,
    held: modelMebibytes(placed.buffers) < modelMebibytes(twice.buffers),
    saw: `model buffers with it: ${modelBuffers(placed.buffers)}; without: ${modelBuffers(twice.buffers)}`,
  };
}

/** Starts one server, measures it and ends it. Its log and all figures are kept. */
async function measure(scene: Scene, variant: Variant, options: SupportedFlags): Promise<Measured> {
  const { contextSize, loadMode } = variant;
  const fields = await fieldsOf(scene, variant);
  const { paths, settings, estimate } = await prepared(scene, fields, options, loadMode);
  const args = withLoadMode(serverFlags(fields, paths, options), loadMode);
  const placed = args.includes(OVERRIDE);
  const name = `${loadMode}-${contextSize}${placed ? "-one-table" : ""}`;
  const llamaServer = await scene.llamaServer();
  const server = startServer(scene, llamaServer, [...args, "--log-verbosity", "4"], name);
  const keepLog = () => scene.keep(`${name}.log.txt`, server.log(), [llamaServer, ...args]);
  const footprints = await footprintsOf(server, fields, paths, scene.signal).finally(keepLog);
  await server.end();
  const buffers = buffersIn(server.log());
  const { totalBytes, parts } = estimate;
  const { peakBytes, peakBy, steadyBytes } = footprints;
  const beyond = ownShare(steadyBytes, estimate, loadMode);
  const figures = { settings, estimateBytes: totalBytes, parts, ...footprints, beyondBytes: beyond, buffers };
  scene.keep(`${name}.json`, `${JSON.stringify({ ...figures, metalMebibytes: metalShare(buffers) }, null, 2)}\n`);
  const [peak, steady, estimated, apart] = [peakBytes, steadyBytes, totalBytes, Math.abs(beyond)].map(formatBytes);
  const whose = scene.machine.gpu === null ? "" : "Metal's own share: ";
  const share = `${whose}${apart} ${beyond < 0 ? "less" : "more"} than the estimate counts`;
  const finding = {
    what: `context ${contextSize}, load mode ${loadMode}${placed ? `, ${OVERRIDE}` : ""}`,
    held: peakBytes > 0 && peakBytes <= kernelLimitBytes(totalBytes),
    saw: `peak ${peak} (by ${peakBy}), then ${steady}; ${share}; model buffers ${modelBuffers(buffers)}; the estimate is ${estimated}`,
  };
  return { contextSize, placed, buffers, finding };
}

/** A GPU whose name is not known is told nothing of the token table. */
async function fieldsOf(scene: Scene, { contextSize, table }: Variant): Promise<ServerFields> {
  const fields = await fieldsHere(scene, contextSize);
  return table === "twice" ? { ...fields, deviceName: undefined } : fields;
}

/** The agent's own arguments with another load mode; older builds know `--no-mmap` alone. */
export function withLoadMode(args: readonly string[], loadMode: Variant["loadMode"]): readonly string[] {
  const at = args.indexOf("--load-mode");
  if (at >= 0) return [...args.slice(0, at + 1), loadMode, ...args.slice(at + 2)];
  return loadMode === "none" ? args : args.filter((arg) => arg !== "--no-mmap");
}
