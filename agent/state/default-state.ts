import { createHash } from "node:crypto";
import { join } from "node:path";
import { canonicalPath } from "./canonical-path.ts";
import { AGENTS } from "./paths.ts";

/** The default state folder of an agent that watches `manifests`, an absolute path: the same by whatever path that folder is named. */
export function defaultState(manifests: string): string {
  return join(AGENTS, createHash("sha256").update(canonicalPath(manifests)).digest("hex").slice(0, 16));
}

/** The default state folder of an agent that is a node of a cluster, by the node's name. */
export function nodeState(nodeName: string): string {
  return join(AGENTS, `node-${nodeName}`);
}
