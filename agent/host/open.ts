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
  const runs = await outputOf(llamaServer, ["--version"]);
  if (!runs.ok) {
    return fail(`${runs.error}: install llama.cpp (brew install llama.cpp) or name the binary with --llama-server`);
  }
  if (system === "darwin") return openDarwin(llamaServer, mac);
  if (system === "linux") return openLinux();
  return fail(`the agent runs on macOS, and on Linux for trials, but not on ${system}`);
}
