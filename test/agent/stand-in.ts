import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";

const PROGRAM = join(import.meta.dirname, "stand-in-llama-server.ts");

export type Behaviour =
  | "well"
  | "exits-at-once"
  | "ignores-sigterm"
  | "serves-another-model"
  | "fails-completions"
  | "turns-unhealthy"
  | "busy"
  | "hangs-when-asked"
  | Growth;

/** Grows by so many MiB a second. */
export type Growth = `grows-${number}`;

/** An executable that behaves as said; what stands in for llama-server has stand-in in its name. */
export async function standIn(behaviour: Behaviour): Promise<string> {
  const path = join(await temporaryDirectory(), `stand-in-llama-server-${behaviour}`);
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" ${behaviour} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
