import { openLinux } from "../../agent/host/linux/linux.ts";
import { openPlatform } from "../../agent/host/open.ts";
import type { Platform } from "../../agent/host/platform.ts";
import type { Result } from "../../api/result.ts";
import { standIn } from "./stand-in.ts";

/** The platform of the machine that the tests run on. On a Mac a stand-in for llama-server lists the device of Metal. */
export async function thisPlatform(): Promise<Result<Platform>> {
  return process.platform === "darwin" ? openPlatform(await standIn("well")) : openLinux();
}
