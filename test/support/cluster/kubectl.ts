import { execa } from "execa";
import { ensureTool } from "../../../toolchain/ensure.ts";

export interface KubectlOptions {
  /** Whose rights; default: the administrator of the cluster. */
  readonly kubeconfig?: string;
  /** For `-f -`: text, or objects that become a list. */
  readonly input?: string | readonly object[];
  /** Milliseconds until it is killed; default: 60 s. */
  readonly timeoutMs?: number;
}

/** Runs kubectl and returns what it wrote. It throws an Error that holds the arguments and kubectl's words. */
export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<string>;

/** kubectl with a cache of its own, so that it knows no API of another cluster at the same port. */
export async function kubectlFor(kubeconfigPath: string, cacheFolder: string): Promise<Kubectl> {
  const binary = await ensureTool("kubectl");
  return async (args, { kubeconfig = kubeconfigPath, input, timeoutMs = 60_000 } = {}) => {
    const { stdout } = await execa(binary, [`--kubeconfig=${kubeconfig}`, `--cache-dir=${cacheFolder}`, ...args], {
      ...(input === undefined ? { stdin: "ignore" as const } : { input: inputText(input) }),
      timeout: timeoutMs,
      env: { KUBECONFIG: "" },
    });
    return stdout;
  };
}

function inputText(input: string | readonly object[]): string {
  return typeof input === "string" ? input : JSON.stringify({ apiVersion: "v1", kind: "List", items: input });
}
