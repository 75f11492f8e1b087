import type { GoRecipe, Tool } from "../../toolchain/tools.ts";

export const MADE_UP_RECIPE: GoRecipe = {
  kind: "go",
  entry: "made-up",
  module: "go/pulumi",
  package: "example.invalid/made-up",
  ldflags: "-s",
  pins: [],
  about: "a tool of the tests",
};

/** A tool that is never on PATH, unless a test puts it there. */
export function madeUpTool(changes: Partial<Tool> = {}): Tool {
  return { file: "bin/made-up", probe: ["--version"], recipe: MADE_UP_RECIPE, ...changes };
}
