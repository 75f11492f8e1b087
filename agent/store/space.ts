import { statfs } from "node:fs/promises";
import { formatBytes } from "../../api/quantity.ts";
import { Refusal } from "../../fetch/refusal.ts";

/** Refuses to begin what would leave less than `floorBytes` free on the disk of `folder`. */
export async function checkSpaceFor(bytes: number, folder: string, floorBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (bytes <= free - floorBytes) return;
  const floor = floorBytes > 0 ? `, of which ${formatBytes(floorBytes)} must stay free` : "";
  throw new Refusal(
    `it needs ${formatBytes(bytes)} more, and the disk of ${folder} has ${formatBytes(free)} free${floor}: ` +
      "free space or name another folder with --models",
    "no-space",
  );
}

/** Refuses to go on where others have filled the disk of `folder`. */
export async function checkFloor(folder: string, floorBytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= floorBytes) return;
  throw new Refusal(
    `paused: the disk of ${folder} has only ${formatBytes(free)} free, and ${formatBytes(floorBytes)} must stay free: ` +
      "the download continues once there is space",
    "no-space",
  );
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
