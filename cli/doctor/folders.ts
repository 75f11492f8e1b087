import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errorText } from "../../api/error-code.ts";
import { formatBytes } from "../../api/quantity.ts";
import { realPath } from "../install/facts.ts";
import { guardedPlace, guardedRemedy } from "../install/paths.ts";
import type { Finding, Look, Subject } from "./check.ts";

/** Less free space than this is too little to download an ordinary model. */
const LITTLE_DISK_BYTES = 10 * 2 ** 30;

export async function checkDisk({ models }: Subject): Promise<Finding> {
  const stats = await statfs(await nearestExisting(models)).catch(() => undefined);
  if (stats === undefined) return { state: "warning", found: `the free space for ${models} cannot be read` };
  const free = stats.bavail * stats.bsize;
  const found = `${formatBytes(free)} free for models`;
  if (free >= LITTLE_DISK_BYTES) return { state: "ok", found };
  return { state: "warning", found, remedy: "free space, or use a folder on another disk with --models" };
}

/** A folder of the agent's, which it would make. */
export function folderCheck(of: (subject: Subject) => string, flag: string): Look {
  return async (subject) => {
    const folder = of(subject);
    const nearest = await nearestExisting(folder);
    try {
      if (!(await stat(nearest)).isDirectory()) throw new Error(`${nearest} is not a folder`);
      await access(nearest, constants.W_OK | constants.X_OK);
      return { state: "ok", found: folder };
    } catch (error) {
      const found = `${folder} cannot be written (${errorText(error)})`;
      return { state: "failed", found, remedy: `use another folder with ${flag}` };
    }
  };
}

/** Whether an agent that launchd starts would reach its folders: this terminal's own grant hides it. */
export async function checkPrivacy({ llamaServer, models, state, home }: Subject): Promise<Finding> {
  const guarded = [llamaServer, models, state].flatMap((path) => {
    const place = path.startsWith("/") ? guardedPlace(realPath(path), home) : undefined;
    return place === undefined ? [] : [`${path} is in ${place}`];
  });
  if (guarded.length === 0) return { state: "ok", found: "nothing is in a folder that macOS keeps daemons out of" };
  return {
    state: "warning",
    found: `${guarded.join(", ")}: macOS keeps daemons out of there, so agent install would not reach it`,
    remedy: guardedRemedy(process.execPath),
  };
}

/** The nearest ancestor that exists: a missing folder would be created in it. */
async function nearestExisting(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined);
  return there !== undefined || folder === dirname(folder) ? folder : nearestExisting(dirname(folder));
}
