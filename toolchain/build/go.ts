import { join } from "node:path";
import { type GoRecipe, pinPath } from "../tools.ts";
import { requireGo } from "./prerequisites.ts";
import { run, type Site } from "./site.ts";

/**
 * Builds a main package of a pinned module. `-mod=readonly` makes go.sum the whole truth: a module that it does not name
 * is an error, not an addition. Ambient Go settings that would change the result are overridden.
 */
export async function buildGo(recipe: GoRecipe, site: Site): Promise<void> {
  const cwd = pinPath(recipe.module);
  await requireGo(recipe.entry, cwd);
  const args = ["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", recipe.ldflags];
  await run(site, "go", [...args, "-o", join(site.output, "bin", recipe.entry), recipe.package], {
    cwd,
    env: { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", GOOS: "", GOARCH: "" },
  });
}
