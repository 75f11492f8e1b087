import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { ensureTool } from "../../toolchain/ensure.ts";
import { pulumiEnvironment } from "../../toolchain/pulumi.ts";

/** For the hook that calls `startOfficialEngine`: on a machine that has not built the provider, two busy cores take this long. */
export const BUILD_TIMEOUT_MS = 60 * 60_000;

/** The real Pulumi engine with a backend of its own in a temporary folder. */
export interface Engine {
  command: PulumiCommand;
  env: Record<string, string>;
  /** Temporary folder for whatever the test writes; removed by `close`. */
  folder: string;
  standIns: readonly string[];
  close: () => Promise<void>;
}

/** Building the CLI takes minutes on a machine that has none: give the hook that calls this no timeout. */
export async function startEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-engine-"));
  const { root, env, standIns } = await pulumiEnvironment({ backendDir: join(folder, "backend") });
  const command = await PulumiCommand.get({ root });
  return { command, env, folder, standIns, close: () => rm(folder, { recursive: true, force: true }) };
}

/** The same with the official kubernetes provider, for what the stand-in cannot do: clusters, ConfigGroup, awaits. */
export async function startOfficialEngine(): Promise<Engine> {
  const provider = dirname(await ensureTool("pulumi-resource-kubernetes"));
  const engine = await startEngine();
  engine.env["PATH"] = [provider, engine.env["PATH"]].join(delimiter);
  return engine;
}

export interface Run {
  stdout: string;
  stderr: string;
  exitCode: number | undefined;
}

/** Runs the CLI as a person does in a shell, in `cwd`. A failure is an exit code, not an exception. */
export async function runPulumi(
  engine: Engine,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<Run> {
  const { stdout, stderr, exitCode } = await execa(engine.command.command, [...args, "--non-interactive"], {
    cwd: options.cwd,
    env: { ...engine.env, ...options.env },
    reject: false,
    stdin: "ignore",
  });
  return { stdout, stderr, exitCode };
}

/** A stack whose program is a function of the test; `name` is its project too. */
export async function inlineStack(engine: Engine, name: string, program: PulumiFn): Promise<Stack> {
  const workDir = await mkdtemp(join(engine.folder, `${name}-`));
  return LocalWorkspace.createOrSelectStack(
    { projectName: name, stackName: "test", program },
    { workDir, pulumiCommand: engine.command, envVars: engine.env },
  );
}

/** Lets a temporary folder's programs and packs resolve the packages of this checkout. */
export async function linkPackages(folder: string): Promise<void> {
  await symlink(join(import.meta.dirname, "..", "..", "node_modules"), join(folder, "node_modules"), "dir");
}
