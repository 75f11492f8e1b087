import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, type Run, runPulumi } from "../support/pulumi.ts";

const CHECKOUT = join(import.meta.dirname, "..", "..");
/** What the packages of an example resolve to, as `npm install` would leave it. */
const INSTALLED = ["@pulumi", "@types", "typescript"];

/** An example of examples/ in a folder of its own, with a stack `dev`. */
export interface Example {
  readonly folder: string;
  /** `pulumi ARGS` there; a failure is an exit code. */
  readonly pulumi: (...args: readonly string[]) => Promise<Run>;
  /** `pulumi ARGS`, which must go through; both outputs. */
  readonly run: (...args: readonly string[]) => Promise<string>;
  /** Names and texts of what was rendered to a folder of it. */
  readonly rendered: (folder: string) => Promise<Readonly<Record<string, string>>>;
}

/** Brings an example where a user has it: installed, and with a stack. */
export async function copyExample(engine: Engine, name: string): Promise<Example> {
  const folder = join(engine.folder, name);
  await cp(join(CHECKOUT, "examples", name), folder, { recursive: true });
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  const links = INSTALLED.map((one) => symlink(join(CHECKOUT, "node_modules", one), join(modules, one)));
  await Promise.all([...links, symlink(CHECKOUT, join(modules, "pulumi-llmkube"))]);
  const pulumi = (...args: readonly string[]) => runPulumi(engine, args, { cwd: folder });
  const run = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await pulumi(...args);
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    return `${stdout}\n${stderr}`;
  };
  await run("stack", "init", "dev");
  return { folder, pulumi, run, rendered: (manifests) => textsIn(join(folder, manifests)) };
}

async function textsIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith(".yaml")).sort();
  const entries = files.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(entries));
}
