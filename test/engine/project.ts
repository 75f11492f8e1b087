import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, type Run, runPulumi } from "../support/pulumi.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

/** The root stack in a folder of its own, so that `pulumi config set` leaves the checkout's files alone. */
export interface Project {
  readonly folder: string;
  /** `pulumi ARGS` in a shell there. */
  readonly pulumi: (...args: readonly string[]) => Promise<Run>;
  /** `pulumi config set --path pulumi-llmkube:KEY VALUE`. */
  readonly set: (key: string, value: string) => Promise<void>;
}

/** The checkout as `npm install` leaves it, stack `dev` created from Pulumi.dev.yaml. */
export async function copyProject(engine: Engine, name: string): Promise<Project> {
  const folder = join(engine.folder, name);
  await mkdir(folder);
  for (const file of ["Pulumi.yaml", "Pulumi.dev.yaml"]) await copyFile(join(CHECKOUT, file), join(folder, file));
  for (const part of ["dist", "node_modules", "package.json", "policies"]) {
    await symlink(join(CHECKOUT, part), join(folder, part));
  }
  const pulumi = (...args: readonly string[]) => runPulumi(engine, args, { cwd: folder });
  await succeed(pulumi("stack", "init", "dev"));
  return {
    folder,
    pulumi,
    set: async (key, value) => {
      await succeed(pulumi("config", "set", "--path", `pulumi-llmkube:${key}`, value));
    },
  };
}

/** The output of a run that must go through. */
export async function succeed(running: Promise<Run>): Promise<string> {
  const { exitCode, stdout, stderr } = await running;
  if (exitCode !== 0) throw new Error(`pulumi ended with exit code ${exitCode}:\n${stdout}\n${stderr}`);
  return `${stdout}\n${stderr}`;
}

/** The output of a run that must not go through. */
export async function refused(running: Promise<Run>): Promise<string> {
  const { exitCode, stdout, stderr } = await running;
  if (exitCode === 0) throw new Error(`pulumi went through:\n${stdout}`);
  return `${stdout}\n${stderr}`;
}
