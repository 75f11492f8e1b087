import { rm, stat } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import writeFileAtomic from "write-file-atomic";
import { outputOf } from "../agent/host/command.ts";
import type { ListenAddress } from "../agent/http/listen.ts";
import { packagePath } from "../agent/state/package.ts";
import { errorText } from "../api/error-code.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { daemonPlist, LABEL } from "./launchd.ts";

/** Where launchd looks, and who is asked to load. */
export interface LaunchdSite {
  readonly folder: string;
  readonly launchctl: string;
}

const MAC: LaunchdSite = { folder: "/Library/LaunchDaemons", launchctl: "/bin/launchctl" };

/** Prints what it would do, or does it. `agent` is the command whose options were given. Throws one sentence where it fails. */
export async function install(agent: Command, dryRun: boolean): Promise<void> {
  const args = await agentArguments(agent);
  if (!args.ok) throw new Error(args.error);
  const plist = daemonPlist({ command: args.value, ...(await owner()) });
  if (dryRun) console.log(`${pathIn(MAC)}:\n${plist}\n${loading(MAC).map(shown).join("\n")}`);
  else
    report(
      refusal() ?? (await installDaemon(plist, MAC)),
      `installed ${pathIn(MAC)}; check it with pulumi-llmkube status`,
    );
}

/** Prints what it would do, or does it. Throws one sentence where it fails. */
export async function uninstall(dryRun: boolean): Promise<void> {
  if (dryRun) console.log(`${shown(unloading(MAC))}\nrm ${pathIn(MAC)}`);
  else report(refusal() ?? (await uninstallDaemon(MAC)), `removed ${pathIn(MAC)}`);
}

/** What launchd is to run: only options that were given, so that the defaults are those of the user it runs as. */
async function agentArguments(agent: Command): Promise<Result<readonly string[]>> {
  const args = [process.execPath, packagePath("bin/pulumi-llmkube.js"), "agent"];
  for (const option of agent.options) {
    const name = option.attributeName();
    const value: unknown = agent.getOptionValue(name);
    if (name === "llamaServer") {
      const path = await outputOf("/bin/sh", ["-c", 'command -v "$1"', "sh", String(value)]);
      if (!path.ok)
        return fail(`${String(value)} was not found: brew install llama.cpp, or name it with --llama-server`);
      args.push("--llama-server", path.value.trim());
    } else if (agent.getOptionValueSource(name) === "cli") {
      args.push(option.long ?? "", ...(value === true ? [] : [optionText(value)]));
    }
  }
  return args.includes("--manifests") ? ok(args) : fail("--manifests is required: name the folder of manifests");
}

function optionText(value: unknown): string {
  return isAddress(value) ? `${value.host}:${value.port}` : String(value);
}

function isAddress(value: unknown): value is ListenAddress {
  return typeof value === "object" && value !== null && "host" in value && "port" in value;
}

/** Who asked, also behind sudo. */
async function owner(): Promise<{ readonly user: string; readonly home: string }> {
  const behindSudo = process.env["SUDO_USER"];
  if (behindSudo === undefined || !/^[\w.-]+$/.test(behindSudo)) return { user: userInfo().username, home: homedir() };
  const home = await outputOf("/bin/sh", ["-c", `echo ~${behindSudo}`]);
  return { user: behindSudo, home: home.ok ? home.value.trim() : homedir() };
}

function refusal(): string | undefined {
  if (process.platform !== "darwin") return "launchd exists on macOS only; --dry-run shows here what would be done";
  return process.getuid?.() === 0 ? undefined : "run it with sudo: the agent starts at boot, before anyone logs in";
}

/** A sentence where it failed. What was there before is unloaded first. */
export async function installDaemon(plist: string, site: LaunchdSite): Promise<string | undefined> {
  try {
    await outputOf(site.launchctl, unloading(site).slice(1));
    await writeFileAtomic(pathIn(site), plist, { mode: 0o644 });
  } catch (error) {
    return `${pathIn(site)} cannot be written (${errorText(error)})`;
  }
  for (const [, ...args] of loading(site)) {
    const done = await outputOf(site.launchctl, args);
    if (!done.ok) return done.error;
  }
  return undefined;
}

export async function uninstallDaemon(site: LaunchdSite): Promise<string | undefined> {
  const there = await stat(pathIn(site)).catch(() => undefined);
  if (there === undefined) return `nothing is installed: ${pathIn(site)} does not exist`;
  await outputOf(site.launchctl, unloading(site).slice(1));
  await rm(pathIn(site));
  return undefined;
}

function pathIn({ folder }: LaunchdSite): string {
  return join(folder, `${LABEL}.plist`);
}

function loading(site: LaunchdSite): readonly (readonly string[])[] {
  return [[site.launchctl, "bootstrap", "system", pathIn(site)]];
}

function unloading({ launchctl }: LaunchdSite): readonly string[] {
  return [launchctl, "bootout", `system/${LABEL}`];
}

function shown(command: readonly string[]): string {
  return command.join(" ");
}

function report(problem: string | undefined, done: string): void {
  if (problem !== undefined) throw new Error(problem);
  console.log(done);
}
