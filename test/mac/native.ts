import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { cacheRoot, exists, fillEntry } from "../../toolchain/cache.ts";

const SOURCES = join(import.meta.dirname, "native");
const OPTIONS = ["-O1", "-Wall", "-Wextra", "-Werror"];
const LIBRARY = ["-shared", "-fPIC"];

/** Each is one C file. */
const PARTS = [
  { name: "play-metal", options: LIBRARY },
  { name: "play-libsystem", options: LIBRARY },
  { name: "play-taskpolicy", options: [] },
] as const;

/** Absolute paths of the compiled parts of a played Mac. */
export interface Native {
  /** Loaded into a real llama-server, which then behaves as on Metal. */
  readonly metal: string;
  readonly libSystem: string;
  readonly taskpolicy: string;
}

/** Compiles them once, into the cache of the toolchain. Needs `cc`, as llama.cpp does. */
export async function nativeParts(): Promise<Native> {
  const sources = await Promise.all(PARTS.map(({ name }) => readFile(sourceOf(name), "utf8")));
  const hash = createHash("sha256")
    .update(JSON.stringify([OPTIONS, process.arch, sources]))
    .digest("hex");
  const entry = `play-mac-${hash.slice(0, 16)}`;
  const root = cacheRoot();
  const fill = async ({ output }: { readonly output: string }) => {
    for (const { name, options } of PARTS) {
      await execa("cc", [...OPTIONS, ...options, "-o", join(output, name), sourceOf(name), "-ldl"]);
    }
  };
  const silent = { waiting: () => {}, progress: () => {} };
  if (!(await exists(join(root, entry)))) await fillEntry({ root, entry }, fill, silent);
  const [metal, libSystem, taskpolicy] = PARTS.map(({ name }) => join(root, entry, name));
  if (!metal || !libSystem || !taskpolicy) throw new Error("a part of the played Mac is missing");
  return { metal, libSystem, taskpolicy };
}

function sourceOf(name: string): string {
  return join(SOURCES, `${name}.c`);
}
