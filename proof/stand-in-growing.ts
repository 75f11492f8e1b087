import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const GROWING = join(import.meta.dirname, "../test/agent/stand-in-llama-server.ts");

/**
 * A stand-in for a llama-server that grows, because the real one does not outgrow its budget on demand. The real one answers what version it
 * is and which options it has; a device the stand-in makes up, because a virtual machine may have none.
 */
export function standInThatGrows(folder: string, llamaServer: string, mibPerSecond: number): string {
  const path = join(folder, "stand-in-llama-server-that-grows");
  const questions = "--version|--help";
  const script = [
    "#!/bin/sh",
    `case "$1" in ${questions}) exec "${llamaServer}" "$@";; esac`,
    `exec "${process.execPath}" "${GROWING}" grows-${mibPerSecond} "$@"`,
  ];
  writeFileSync(path, `${script.join("\n")}\n`);
  chmodSync(path, 0o755);
  return path;
}
