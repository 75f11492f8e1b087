import { SERVER_DEFAULTS } from "../api/server-defaults.ts";
import type { EstimateSettings, LoadMode } from "../memory/estimate/types.ts";

/** How the agent lets every server load its weights: into memory of its own, so that its footprint counts them. */
export const LOAD_MODE: LoadMode = "none";

/** The settings of a service that sets none. */
export const DEFAULT_SETTINGS: Omit<EstimateSettings, "backend"> = {
  contextSize: SERVER_DEFAULTS.contextSize,
  parallel: SERVER_DEFAULTS.parallelSlots,
  cacheTypeK: SERVER_DEFAULTS.cacheType,
  cacheTypeV: SERVER_DEFAULTS.cacheType,
  flashAttention: SERVER_DEFAULTS.flashAttention,
  batchSize: SERVER_DEFAULTS.batchSize,
  ubatchSize: SERVER_DEFAULTS.uBatchSize,
  loadMode: LOAD_MODE,
};
