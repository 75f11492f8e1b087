import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  type EngineEvent,
  LocalWorkspace,
  type PulumiCommand,
  type Stack,
  StackNotFoundError,
} from "@pulumi/pulumi/automation/index.js";
import type { Result } from "../../api/result.ts";
import { fail, ok } from "../../api/result.ts";
import { failureText } from "./failures.ts";
import { DEPLOY_FOLDER } from "./folders.ts";
import { passphraseVariables } from "./passphrase.ts";
import { readStackState, type StackState } from "./stack-state.ts";
import { stackNameOf, type Target } from "./target.ts";

/** The Pulumi project of all stacks of `deploy`. */
export const PROJECT = "llmkube-deploy";

/** How Pulumi is run: the CLI, the folder of the project, and what is set on top of this process's environment. */
export interface Engine {
  readonly command: PulumiCommand;
  readonly folder: string;
  readonly variables: Readonly<Record<string, string>>;
}

export async function openEngine(command: PulumiCommand, env: NodeJS.ProcessEnv): Promise<Engine> {
  const folder = projectFolder();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const backend = env["PULUMI_BACKEND_URL"] ? {} : { PULUMI_BACKEND_URL: await ownBackend() };
  const passphrase = await passphraseVariables(env, DEPLOY_FOLDER);
  return { command, folder, variables: { PULUMI_SKIP_UPDATE_CHECK: "true", ...backend, ...passphrase } };
}

/** The folder of `Pulumi.yaml`, and of the settings of each stack. */
export function projectFolder(): string {
  return join(DEPLOY_FOLDER, "project");
}

async function ownBackend(): Promise<string> {
  const state = join(DEPLOY_FOLDER, "state");
  await mkdir(state, { recursive: true, mode: 0o700 });
  return `file://${state}`;
}

/** The stack of a target in the backend that is used: others may share a backend that the user chose. */
export function stackOf(target: Target, env: NodeJS.ProcessEnv): string {
  return stackNameOf(target, env["PULUMI_BACKEND_URL"] ? hostname() : "local");
}

type Program = () => Promise<Record<string, unknown>>;
const NOTHING: Program = async () => ({});

function workspaceOptions({ command, folder, variables }: Engine) {
  return {
    workDir: folder,
    pulumiCommand: command,
    envVars: { ...variables },
    projectSettings: { name: PROJECT, runtime: "nodejs" as const, description: "Models of pulumi-llmkube deploy" },
  };
}

/** The stack, made where there is none, with what its program is to be. */
export async function openStack(engine: Engine, stackName: string, program: Program): Promise<Stack> {
  return LocalWorkspace.createOrSelectStack({ projectName: PROJECT, stackName, program }, workspaceOptions(engine));
}

/** What a stack holds; nothing where there is no such stack. */
export async function stateOf(engine: Engine, stackName: string): Promise<Result<StackState>> {
  try {
    const args = { projectName: PROJECT, stackName, program: NOTHING };
    const stack = await LocalWorkspace.selectStack(args, workspaceOptions(engine));
    const { deployment } = await stack.exportStack();
    return readStackState(deployment, stackName);
  } catch (error) {
    if (error instanceof StackNotFoundError) return ok({ target: undefined, deployments: [] });
    return fail(failureText(messageOf(error)));
  }
}

export async function stackNames(engine: Engine): Promise<Result<readonly string[]>> {
  try {
    const workspace = await LocalWorkspace.create(workspaceOptions(engine));
    return ok((await workspace.listStacks()).map(({ name }) => name));
  } catch (error) {
    return fail(failureText(messageOf(error)));
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How a run of Pulumi ended. `said` has everything that it said on standard error. */
export type Ended = { readonly succeeded: true } | { readonly succeeded: false; readonly said: string };

/** Options that each run of Pulumi takes. */
export interface RunOptions {
  readonly onEvent: (event: EngineEvent) => void;
  readonly onOutput: (text: string) => void;
  readonly onError: (text: string) => void;
  readonly signal: AbortSignal;
  readonly color: "never";
}

export async function ended(run: Promise<unknown>): Promise<Ended> {
  return run.then(
    () => ({ succeeded: true }) as const,
    (error: unknown) => ({ succeeded: false, said: messageOf(error) }) as const,
  );
}
