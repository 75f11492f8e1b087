import { fail, type Result } from "../../api/result.ts";
import { openDarwin } from "./darwin/darwin.ts";
import { MAC, type MacPaths } from "./darwin/mac-paths.ts";
import { openLinux } from "./linux/linux.ts";
import type { Platform } from "./platform.ts";

/**
 * The platform of this machine. Fails if the system is neither macOS nor Linux. No llama-server is asked: one that is sick must keep nobody
 * from watching the servers that an earlier agent left.
 */
export async function openPlatform(
  system: NodeJS.Platform = process.platform,
  mac: MacPaths = MAC,
): Promise<Result<Platform>> {
  if (system === "darwin") return openDarwin(mac);
  if (system === "linux") return openLinux();
  return fail(`the agent runs on macOS, and on Linux for trials, but not on ${system}`);
}
