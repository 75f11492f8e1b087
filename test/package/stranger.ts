import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { temporaryDirectory } from "../support/workspace.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

/** A project of somebody who has nothing of the checkout but the tarballs that `npm pack` makes of it. */
export interface Stranger {
  readonly folder: string;
  /** Size of each tarball by the name of its package. */
  readonly tarballBytes: Readonly<Record<string, number>>;
}

/**
 * Packs folders of the checkout, as they are built, and installs them by one `npm install`.
 * @param packages folder of each package by its name
 * @param others versions of other packages by name
 */
export async function install(
  packages: Readonly<Record<string, string>>,
  others: Readonly<Record<string, string>>,
): Promise<Stranger> {
  const [folder, tarballs] = await Promise.all([temporaryDirectory(), temporaryDirectory()]);
  const packed = await Promise.all(
    Object.entries(packages).map(async ([name, path]) => [name, await pack(path, tarballs)] as const),
  );
  const ours = Object.fromEntries(packed.map(([name, tarball]) => [name, `file:${tarball}`]));
  const dependencies = { ...others, ...ours };
  await write(folder, { "package.json": JSON.stringify({ name: "stranger", private: true, dependencies }) });
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await execa("npm", args, { cwd: folder });
  const sizes = await Promise.all(packed.map(async ([name, tarball]) => [name, (await stat(tarball)).size]));
  return { folder, tarballBytes: Object.fromEntries(sizes) };
}

async function pack(path: string, into: string): Promise<string> {
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", into];
  return join(into, (await execa("npm", args, { cwd: join(CHECKOUT, path) })).stdout.trim());
}

export async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
}
