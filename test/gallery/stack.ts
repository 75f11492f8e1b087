import type { LlmGuardOptions } from "../../policies/guard/llm-guard.ts";
import type { Shown } from "./resources.ts";

/** One program and its pack, and whether somebody has to read anything of it. */
export interface Stack {
  /** Names its golden file. */
  readonly name: string;
  /** One sentence: what the program does. */
  readonly about: string;
  /**
   * `silent`: the preset recommended reports nothing but the picture. `passes`: nothing mandatory. `refused`: something mandatory.
   */
  readonly recommended: "silent" | "passes" | "refused";
  readonly resources: readonly Shown[];
  /** Of LlmGuard, over the preset. */
  readonly options?: LlmGuardOptions;
  /** By policy, as `--policy-pack-config` gives it. */
  readonly config?: Readonly<Record<string, object>>;
}
