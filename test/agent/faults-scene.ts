import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";
import { type AgentProcess, type AgentSettings, type Site, startAgentWith } from "./harness.ts";
import type { Observer } from "./observer.ts";
import { type PausableOutput, pausableOutput } from "./pausable-output.ts";

/** An agent that can be given faults, and what it stands on. */
export interface Scene {
  readonly site: Site;
  readonly faults: FaultFolder;
  readonly output: PausableOutput;
  readonly observer: Observer;
  readonly agent: () => AgentProcess;
  /** Starts an agent of another site as this one was started. It can be given no fault. */
  readonly startBeside: (other: Site) => AgentProcess;
}

/** Something that happens to an agent from outside. */
export interface Fault {
  readonly name: string;
  /** The agent hears of no manifest while it lasts. */
  readonly deaf: boolean;
  /** While it lasts nothing can be written to the folder of manifests. */
  readonly movesFolder: boolean;
  /** How long it must have lasted before {@link Lasting.assertOn} can tell. */
  readonly tellsAfterMs?: number;
  /** Returns once the fault is there. */
  readonly begin: (scene: Scene) => Promise<Lasting>;
}

/** A fault that lasts. */
export interface Lasting {
  /** Fails unless it holds the agent now. For an agent that lives since before it began. */
  readonly assertOn: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Steers blocking-preload.ts in the agents that get `env`. */
export interface FaultFolder {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function faultFolder(): Promise<FaultFolder> {
  const folder = await temporaryDirectory();
  const preload = join(import.meta.dirname, "blocking-preload.ts");
  return { folder, env: { NODE_OPTIONS: `--import=${preload}`, PULUMI_LLMKUBE_TEST_FAULTS: folder } };
}

/** An agent with `settings` that can be given every fault. */
export async function openScene(
  site: Site,
  settings: AgentSettings,
  observer: Observer,
): Promise<Scene & { readonly restart: () => void }> {
  const [faults, output] = [await faultFolder(), await pausableOutput()];
  const env = { ...settings.env, ...faults.env };
  const start = () => startAgentWith(site, { ...settings, env, output: output.fd });
  let agent = start();
  const restart = () => {
    agent = start();
  };
  const startBeside = (other: Site) => startAgentWith(other, settings);
  return { site, faults, output, observer, agent: () => agent, startBeside, restart };
}
