import { fail, type Result } from "../../api/result.ts";
import { outputOf } from "./command.ts";
import { openDarwin } from "./darwin/darwin.ts";
import { MAC, type MacPaths } from "./darwin/mac-paths.ts";
import { openLinux } from "./linux/linux.ts";
import type { Platform } from "./platform.ts";

/** The platform of this machine. Fails if `llamaServer` cannot run here, or if the system is neither macOS nor Linux. */
export async function openPlatform(
  llamaServer: string,
  system: NodeJS.Platform = process.platform,
  mac: MacPaths = MAC,
): Promise<Result<Platform>> {
  if (system !== "darwin" && system !== "linux") {
    return fail(`the agent runs on macOS, and on Linux for trials, but not on ${system}`);
  }
  // Each run of llama-server on a Mac starts Metal, which takes seconds after an update. The list of devices proves that it runs, too.
  const runs = await outputOf(llamaServer, [system === "darwin" ? "--list-devices" : "--version"]);
  if (!runs.ok) {
    return fail(`${runs.error}: install llama.cpp (brew install llama.cpp) or name the binary with --llama-server`);
  }
  return system === "darwin" ? openDarwin(llamaServer, runs.value, mac) : openLinux();
}
