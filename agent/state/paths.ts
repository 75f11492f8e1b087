import { createHash } from "node:crypto";
import { join } from "node:path";
import envPaths from "env-paths";

const { data } = envPaths("pulumi-llmkube", { suffix: "" });

/** Where downloaded models are kept, for all agents of this user. */
export const DEFAULT_MODELS = join(data, "models");

/** The state folder of the agent that watches `manifests` (absolute), where none was named. */
export function defaultState(manifests: string): string {
  return join(AGENTS, createHash("sha256").update(manifests).digest("hex").slice(0, 16));
}

/** Holds one state folder an agent. */
export const AGENTS = join(data, "agents");
