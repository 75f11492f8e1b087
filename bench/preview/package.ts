import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { install } from "../../test/package/stranger.ts";
import { median } from "./table.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** What a program with our package would have installed anyway. */
const PEERS = ["@pulumi/kubernetes", "@pulumi/pulumi"] as const;
const OURS = "pulumi-llmkube";
const IMPORTED = ["@pulumi/pulumi", "@pulumi/kubernetes", "pulumi-llmkube", "pulumi-llmkube/policies"] as const;

export interface PackageFigures {
  /** Milliseconds from the start of Node until the import is done, less those of a program without imports; the median. */
  readonly importMs: Readonly<Record<string, number>>;
  readonly tarballBytes: number;
  /** Of node_modules, with our package and its peers, and with the peers alone. */
  readonly installedBytes: number;
  readonly peersBytes: number;
}

/** What a stranger downloads, installs and imports. */
export async function packageFigures(runs: number): Promise<PackageFigures> {
  const { devDependencies } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
  const peers = Object.fromEntries(PEERS.map((name) => [name, devDependencies[name]]));
  const alone = await install({}, peers);
  const ours = await install({ [OURS]: "." }, peers);
  return {
    importMs: await importTimes(ours.folder, runs),
    tarballBytes: ours.tarballBytes[OURS] ?? 0,
    installedBytes: await bytesBelow(join(ours.folder, "node_modules")),
    peersBytes: await bytesBelow(join(alone.folder, "node_modules")),
  };
}

/** One after another in each round, so that the load of the machine is the same for all. */
async function importTimes(folder: string, runs: number): Promise<Readonly<Record<string, number>>> {
  const differences = new Map<string, number[]>(IMPORTED.map((name) => [name, []]));
  for (const name of IMPORTED) await startMs(folder, `import "${name}";`);
  for (let run = 0; run < runs; run += 1) {
    const nothing = await startMs(folder, "");
    for (const name of IMPORTED) differences.get(name)?.push((await startMs(folder, `import "${name}";`)) - nothing);
  }
  return Object.fromEntries([...differences].map(([name, values]) => [name, median(values)]));
}

async function startMs(folder: string, program: string): Promise<number> {
  const begin = performance.now();
  await execa(process.execPath, ["--input-type=module", "--eval", program], { cwd: folder });
  return performance.now() - begin;
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  let bytes = 0;
  for (const { parentPath, name } of files) bytes += (await stat(join(parentPath, name))).size;
  return bytes;
}
