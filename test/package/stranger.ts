import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";

const CHECKOUT = join(import.meta.dirname, "../..");

/** The tarball that `npm pack` makes of a folder of the checkout, as it is built. */
export async function packed(folder: string, into: string): Promise<string> {
  const cwd = join(CHECKOUT, folder);
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", into];
  return join(into, (await execa("npm", args, { cwd })).stdout.trim());
}

/** Installs what a package.json in `folder` names, as a stranger who has nothing of the checkout. */
export async function install(folder: string): Promise<void> {
  await execa("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
}

export async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
}
