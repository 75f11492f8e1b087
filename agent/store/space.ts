import { statfs } from "node:fs/promises";
import { formatBytes } from "../../api/quantity.ts";
import { Refusal } from "../../fetch/refusal.ts";

/** Throws a Refusal if a download of `bytes` would leave less than `floorBytes` free on the disk of `folder`. */
export async function checkSpaceFor(bytes: number, folder: string, floorBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (bytes <= free - floorBytes) return;
  const floor = floorBytes > 0 ? `, of which ${formatBytes(floorBytes)} must stay free` : "";
  throw new Refusal(
    `it needs ${formatBytes(bytes)} more, but the disk of ${folder} has ${formatBytes(free)} free${floor}: ` +
      "free up space or name another folder with --models",
    "no-space",
  );
}

/** Throws a Refusal if less than `floorBytes` is left on the disk of `folder`, because something else has filled it. */
export async function checkFloor(folder: string, floorBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= floorBytes) return;
  throw new Refusal(
    `paused: the disk of ${folder} has only ${formatBytes(free)} left, and ${formatBytes(floorBytes)} must stay free; ` +
      "the download resumes where it stopped once there is space",
    "no-space",
  );
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
