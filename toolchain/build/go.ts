import { join } from "node:path";
import { type GoRecipe, pinPath } from "../tools.ts";
import { requireGo } from "./prerequisites.ts";
import { run, type Site } from "./site.ts";

/**
 * Builds a main package of a pinned module. With `-mod=readonly` a module that go.sum does not name is an error and is
 * not added. Go settings in the environment that would change the result are overridden.
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
