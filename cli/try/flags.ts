import type { StateFlags } from "../state-options.ts";

export interface TryFlags extends StateFlags {
  readonly system?: string;
  readonly maxTokens: number;
  readonly complete?: boolean;
  readonly json?: boolean;
  /** An origin. */
  readonly gateway?: string;
  readonly keyFile?: string;
}
