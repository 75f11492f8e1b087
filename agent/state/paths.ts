import { createHash } from "node:crypto";
import { join } from "node:path";
import envPaths from "env-paths";
import { canonicalPath } from "./canonical-path.ts";

const { data } = envPaths("pulumi-llmkube", { suffix: "" });

/** The default folder for downloaded models, shared by all agents of this user. */
export const DEFAULT_MODELS = join(data, "models");

/** The default state folder of an agent that watches `manifests`, an absolute path: the same by whatever path that folder is named. */
export function defaultState(manifests: string): string {
  return join(AGENTS, createHash("sha256").update(canonicalPath(manifests)).digest("hex").slice(0, 16));
}

/** The default state folder of an agent that is a node of a cluster, by the node's name. */
export function nodeState(nodeName: string): string {
  return join(AGENTS, `node-${nodeName}`);
}

/** The folder that holds the default state folders of all agents. */
export const AGENTS = join(data, "agents");
