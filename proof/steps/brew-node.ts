import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { parse } from "plist";
import which from "which";
import * as z from "zod";
import { agentCommand } from "../installed.ts";
import { LONG_MS, printed } from "../printed.ts";
import type { Scene, Step } from "../step.ts";

const daemonSchema = z.looseObject({ ProgramArguments: z.array(z.string()) });

export const brewNode: Step = {
  name: "brew-node",
  asserts: "the path of Homebrew's Node that launchd is given is still there after brew reinstall node",
  needs: ["darwin", "root", "changes"],
  blocks: "always",
  run: async (scene) => {
    const brew = (await which("brew", { nothrow: true })) ?? undefined;
    if (brew === undefined) return [{ what: "Homebrew is there", held: false, saw: "brew is not on PATH" }];
    await printed(scene, "brew-install", [brew, "install", "node"], LONG_MS);
    const prefix = (await printed(scene, "brew-prefix", [brew, "--prefix"])).stdout.trim();
    const program = await programOf(scene, join(prefix, "bin", "node"));
    const before = await runs(program);
    const again = await printed(scene, "brew-reinstall", [brew, "reinstall", "node"], LONG_MS);
    const after = await runs(program);
    return [
      { what: "the path is none of one version", held: !program.includes("/Cellar/"), saw: program },
      { what: "it runs before", held: before !== undefined, saw: before ?? "it does not" },
      { what: "brew reinstall node", held: again.exitCode === 0, saw: `exit code ${again.exitCode}` },
      { what: "it runs afterwards", held: after !== undefined, saw: after ?? "it does not" },
    ];
  },
};

/** The first argument in the launchd file that `agent install --dry-run` shows. */
async function programOf(scene: Scene, node: string): Promise<string> {
  const manifests = join(scene.folder, "manifests");
  await mkdir(manifests);
  const flags = ["--manifests", manifests, "--llama-server", await scene.llamaServer()];
  const { stdout } = await agentCommand(scene, "dry-run", flags, ["install", "--dry-run"], node);
  const text = /<\?xml.*<\/plist>/s.exec(stdout)?.[0] ?? "";
  return daemonSchema.parse(parse(text)).ProgramArguments[0] ?? "";
}

async function runs(program: string): Promise<string | undefined> {
  if (!existsSync(program)) return undefined;
  const { stdout, exitCode } = await execa(program, ["--version"], { reject: false, stdin: "ignore" });
  return exitCode === 0 ? stdout.trim() : undefined;
}
