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

/** Grows by this many MiB per second. */
export type Growth = `grows-${number}`;

/** Path of a stand-in for llama-server with this behaviour. Its file name says that it is a stand-in. */
export async function standIn(behaviour: Behaviour): Promise<string> {
  const path = join(await temporaryDirectory(), `stand-in-llama-server-${behaviour}`);
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" ${behaviour} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
