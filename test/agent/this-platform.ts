import { openPlatform } from "../../agent/host/open.ts";
import type { Platform } from "../../agent/host/platform.ts";
import type { Result } from "../../api/result.ts";

/** The platform of the machine that the tests run on. */
export function thisPlatform(): Promise<Result<Platform>> {
  return openPlatform();
}
