import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { type GoRecipe, pinPath } from "../tools.ts";
import { requireGo } from "./prerequisites.ts";
import { run, type Site } from "./site.ts";

const ENVIRONMENT = { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", GOOS: "", GOARCH: "" };

/**
 * Builds a main package of a pinned module. With `-mod=readonly` a module that go.sum does not name is an error and is
 * not added. Go settings in the environment that would change the result are overridden.
 */
export async function buildGo(recipe: GoRecipe, site: Site): Promise<void> {
  const cwd = pinPath(recipe.module);
  await requireGo(recipe.entry, cwd);
  const overlay = recipe.embedded === undefined ? [] : ["-overlay", await overlayOf(recipe.embedded, cwd, site)];
  const args = ["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", recipe.ldflags];
  await run(site, "go", [...args, ...overlay, "-o", join(site.output, "bin", recipe.entry), recipe.package], {
    cwd,
    env: ENVIRONMENT,
  });
}

/** Go's description of files that seem to lie in `cwd`, and are the module's own in Go's cache. */
async function overlayOf(
  { module, files }: NonNullable<GoRecipe["embedded"]>,
  cwd: string,
  site: Site,
): Promise<string> {
  await run(site, "go", ["mod", "download", module], { cwd, env: ENVIRONMENT });
  const list = ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module];
  const { stdout: folder } = await execa("go", list, { cwd, env: ENVIRONMENT, cancelSignal: site.signal });
  const replaced = files.map((file) => [join(cwd, basename(file)), join(folder, file)]);
  const path = join(site.scratch, "overlay.json");
  await writeFile(path, JSON.stringify({ Replace: Object.fromEntries(replaced) }));
  return path;
}
