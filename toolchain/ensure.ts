import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, delimiter, join, sep } from "node:path";
import { execa } from "execa";
import which from "which";
import { buildGo } from "./build/go.ts";
import { buildEnvironment, buildLlama, buildWeights } from "./build/python.ts";
import type { Site } from "./build/site.ts";
import { cacheRoot, entryName, exists, fillEntry } from "./cache.ts";
import { ToolchainError } from "./errors.ts";
import { type Recipe, TOOLS, type Tool, type ToolName } from "./tools.ts";

export type { ToolName } from "./tools.ts";

/** Everything about the machine that `ensure` depends on. */
export interface Host {
  cacheRoot: string;
  env: NodeJS.ProcessEnv;
  build: (recipe: Recipe, site: Site) => Promise<void>;
  report: (line: string) => void;
  /** How often a running build reports, in milliseconds. */
  heartbeatMs: number;
}

export type Found = { at: "path" | "cache"; path: string } | { at: "missing" };

const PROBE_TIMEOUT_MS = 30_000;
const HEARTBEAT_MS = 15_000;

/**
 * The absolute path of a tool. It takes a tool on PATH (or in $KUBEBUILDER_ASSETS) if it runs, or else the pinned build
 * in the cache. If there is none, it makes that build, which takes minutes, reports every 15 s, and is safe to run in
 * parallel and to interrupt.
 * @param report receives single lines without a line end; default: standard error
 * @throws ToolchainError with one sentence: a missing prerequisite, a failed build, an unwritable cache, an interrupt
 */
export async function ensureTool(name: ToolName, report?: (line: string) => void): Promise<string> {
  return ensure(name, TOOLS[name], thisHost(report));
}

export function thisHost(report: (line: string) => void = toStandardError, heartbeatMs = HEARTBEAT_MS): Host {
  return { cacheRoot: cacheRoot(), env: process.env, build, report, heartbeatMs };
}

export async function ensure(name: string, tool: Tool, host: Host): Promise<string> {
  const found = await find(name, tool, host);
  if (found.at !== "missing") return found.path;
  const entry = await entryName(tool.recipe);
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  let doing = "waiting for another process that is building it";
  let line = "";
  const heartbeat = setInterval(() => {
    host.report(`${name}: ${doing}, ${seconds()} s${line === "" ? "" : `: ${line}`}`);
  }, host.heartbeatMs);
  try {
    const fill = async (site: Site) => {
      doing = "building";
      host.report(`${name}: building ${tool.recipe.about}`);
      await host.build(tool.recipe, site);
      await mustRun(name, join(site.output, tool.file), tool);
    };
    const waiting = () => host.report(`${name}: ${doing}`);
    await fillEntry({ root: host.cacheRoot, entry }, fill, {
      waiting,
      progress: (text) => (line = text.slice(0, 120)),
    });
  } finally {
    clearInterval(heartbeat);
  }
  host.report(`${name}: ready after ${seconds()} s`);
  return join(host.cacheRoot, entry, tool.file);
}

/** Looks for a tool without building it. A candidate on PATH that does not run is reported and ignored. */
export async function find(name: string, tool: Tool, host: Host): Promise<Found> {
  for (const candidate of await candidates(tool, host)) {
    const refusal = await whyUnusable(candidate, tool);
    if (refusal === undefined) return { at: "path", path: candidate };
    host.report(`${name}: ignoring ${candidate}, because it does not run (${refusal})`);
  }
  const cached = join(host.cacheRoot, await entryName(tool.recipe), tool.file);
  return (await exists(cached)) ? { at: "cache", path: cached } : { at: "missing" };
}

/** Binaries that the toolchain itself put on PATH (`env`) are left out: they may come from an older pin. */
async function candidates(tool: Tool, { env, cacheRoot }: Host): Promise<readonly string[]> {
  if (tool.probe === undefined) return [];
  const assets = tool.folderVariable === undefined ? undefined : env[tool.folderVariable];
  const plugins = tool.pulumiPlugin === undefined ? [] : await pluginFolders(tool.pulumiPlugin, env);
  const path = [env["PATH"], assets, ...plugins].filter((part) => part !== undefined && part !== "").join(delimiter);
  const found = (await which(basename(tool.file), { path, all: true, nothrow: true })) ?? [];
  return found.filter((candidate) => !candidate.startsWith(join(cacheRoot, sep)));
}

/** Folders of the installed versions of a Pulumi plugin, the newest first. */
async function pluginFolders(plugin: string, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const folder = join(env["PULUMI_HOME"] || join(homedir(), ".pulumi"), "plugins");
  const names = await readdir(folder).catch(() => []);
  const versions = names.filter((name) => name.startsWith(`${plugin}-v`) && /\.\d+$/.test(name));
  const newestFirst = versions.sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  return newestFirst.map((name) => join(folder, name));
}

/** Why a binary cannot be used; undefined if it runs. */
async function whyUnusable(path: string, tool: Tool): Promise<string | undefined> {
  const result = await execa(path, tool.probe ?? [], { reject: false, stdin: "ignore", timeout: PROBE_TIMEOUT_MS });
  return result.failed ? (result.shortMessage?.split("\n")[0] ?? "it failed") : undefined;
}

async function mustRun(name: string, path: string, tool: Tool): Promise<void> {
  const refusal = tool.probe === undefined ? undefined : await whyUnusable(path, tool);
  if (refusal !== undefined) throw new ToolchainError(`The ${name} that was built does not run: ${refusal}.`);
}

async function build(recipe: Recipe, site: Site): Promise<void> {
  if (recipe.kind === "go") return buildGo(recipe, site);
  if (recipe.kind === "environment") return buildEnvironment(recipe, site);
  return recipe.kind === "llama.cpp" ? buildLlama(recipe, site) : buildWeights(recipe, site);
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
