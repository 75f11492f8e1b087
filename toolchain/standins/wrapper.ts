import { randomUUID } from "node:crypto";
import { copyFile, link, mkdir, open, readFile, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";

/** The second line of every wrapper. It distinguishes a stand-in from an official binary of the same name. */
const MARK = "# stand-in of pulumi-llmkube, generated";

const MAIN = {
  language: join(import.meta.dirname, "language", "main.ts"),
  kubernetes: join(import.meta.dirname, "kubernetes", "main.ts"),
} as const;

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A script that runs the stand-in of this checkout on the Node that runs this. */
export function wrapperText(standIn: keyof typeof MAIN): string {
  return `#!/bin/sh\n${MARK}\nexec ${quoted(process.execPath)} ${quoted(MAIN[standIn])} "$@"\n`;
}

export async function writeWrapper(standIn: keyof typeof MAIN, path: string): Promise<void> {
  const text = wrapperText(standIn);
  if ((await readFile(path, "utf8").catch(() => "")) === text) return;
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, text, { mode: 0o755 });
}

export async function isStandIn(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
    return buffer.subarray(0, bytesRead).toString("latin1").includes(MARK);
  } finally {
    await file.close();
  }
}

/** Creates `target` with `make`, atomically, even if several processes do so at the same time. */
async function place(target: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${target}.${randomUUID()}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    await make(temporary);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Puts a CLI without a language host beside the stand-in. It cannot be a symbolic link, because the CLI looks for its
 * bundled plugins beside its real path and warns about plugins elsewhere.
 */
export function placeBinary(source: string, target: string): Promise<void> {
  return place(target, (temporary) => link(source, temporary).catch(() => copyFile(source, temporary)));
}

/** Links to a CLI that has its official plugins beside it. */
export function placeLink(source: string, target: string): Promise<void> {
  return place(target, (temporary) => symlink(source, temporary));
}
