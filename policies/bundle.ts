import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const POLICIES = import.meta.dirname;

/** Folders of packs below policies/. Each can be packed, unpacked elsewhere and run there. */
export const PACKS = ["pack"] as const;

/**
 * Writes the policies into `lib/` of a pack, so that it needs nothing outside of its own folder but the packages that
 * its package.json names. What it imports of other people is left as it is.
 * @returns the packages that it imports
 */
export async function bundlePack(pack: string): Promise<ReadonlySet<string>> {
  const outdir = join(POLICIES, pack, "lib");
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [join(POLICIES, "index.ts")],
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.12",
    packages: "external",
    minify: true,
    metafile: true,
    logLevel: "warning",
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const names = imports.filter(({ external, path }) => external && !path.startsWith("node:")).map(({ path }) => path);
  return new Set(names.map(packageOf));
}

/** `@pulumi/policy` of `@pulumi/policy/policy.js`. */
function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

if (import.meta.main) for (const pack of PACKS) await bundlePack(pack);
