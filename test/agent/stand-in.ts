import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";
import type { SlotBehaviour } from "./stand-in-slots.ts";

const PROGRAM = join(import.meta.dirname, "stand-in-llama-server.ts");

export type Behaviour =
  | "well"
  | "exits-at-once"
  | "ignores-sigterm"
  | "serves-another-model"
  | "fails-completions"
  | "turns-unhealthy"
  | "busy"
  | "hangs"
  | "hangs-at-once"
  | "hangs-when-asked"
  | "gpu-fault"
  | "stops-computing"
  | "fails-once"
  | "works-for-ever"
  | "wants-a-key"
  | SlotBehaviour
  | Growth;

/** A behaviour of the workload of this name alone; all others behave well. */
export type BehaviourOfOne = `${Behaviour}@${string}`;

/** Grows by this many MiB per second. */
export type Growth = `grows-${number}`;

/** Path of a stand-in for llama-server with this behaviour. Its file name says that it is a stand-in. */
export async function standIn(behaviour: Behaviour | BehaviourOfOne): Promise<string> {
  const path = join(await temporaryDirectory(), `stand-in-llama-server-${behaviour.replaceAll("/", "_")}`);
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" ${behaviour} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
