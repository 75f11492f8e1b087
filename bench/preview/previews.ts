import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { LlmModel } from "../../components/index.ts";
import { type Engine, inlineStack } from "../../test/support/pulumi.ts";

const LEAST_PORT = 10_000;

export interface Preview {
  readonly models: number;
  readonly source: (index: number) => string;
  /** Folder of the pack; undefined for none. */
  readonly pack: string | undefined;
  /** Of headers. */
  readonly cacheFolder: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Cost {
  readonly seconds: number;
  /** Of the pack's process until its last policy; 0 without a pack. */
  readonly cpuSeconds: number;
}

export type RunPreview = (preview: Preview) => Promise<Cost>;

let stacks = 0;

/**
 * What one `pulumi preview` costs, of a new stack by the real engine.
 * @throws with all output where it does not go through, or where a policy reports anything: that would be measured too
 */
export async function costOf(engine: Engine, { models, source, pack, cacheFolder, env }: Preview): Promise<Cost> {
  stacks += 1;
  const name = `bench-${stacks}`;
  const spent = join(engine.folder, `${name}-cpu-seconds`);
  const cost = { BENCH_CPU_SECONDS: spent, PULUMI_LLMKUBE_HEADER_CACHE: cacheFolder };
  const variables = { ...engine.env, ...env, ...cost };
  const stack = await inlineStack({ ...engine, env: variables }, name, async () => {
    const provider = new k8s.Provider("manifests", {
      renderYamlToDirectory: join(engine.folder, `${name}-out`),
      kubeconfig: "",
    });
    for (let index = 0; index < models; index += 1) {
      const serving = { contextSize: 2048, port: LEAST_PORT + index };
      const args = { source: source(index), sha256: "0".repeat(64), memoryBudget: "2Gi", serving };
      new LlmModel(`model-${index}`, args, { provider });
    }
  });
  let output = "";
  const onOutput = (text: string) => {
    output += text;
  };
  const begin = performance.now();
  const packs = pack === undefined ? {} : { policyPacks: [pack] };
  await stack.preview({ ...packs, onOutput, onError: onOutput, color: "never" });
  const seconds = (performance.now() - begin) / 1000;
  if (/\[(?:advisory|mandatory)\]/.test(output)) throw new Error(`the policies found something:\n${output}`);
  return { seconds, cpuSeconds: pack === undefined ? 0 : Number(await readFile(spent, "utf8")) };
}
