import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import writeFileAtomic from "write-file-atomic";
import { outputOf } from "../../agent/host/command.ts";
import { MAC, type MacPaths } from "../../agent/host/darwin/mac-paths.ts";
import { logTail } from "../../agent/server-logs/files.ts";
import { errorText } from "../../api/error-code.ts";
import { type Failure, fail, ok, type Result } from "../../api/result.ts";
import { daemonPlist, logOf } from "../../cluster/launchd.ts";
import { untilInterrupted } from "../interrupt.ts";
import { withProgress } from "../progress.ts";
import { type AsUser, asUser, installFacts, unmetNeeds } from "./facts.ts";
import {
  type LaunchdSite,
  loadingCommands,
  loadJob,
  PATIENCE,
  plistPath,
  standing,
  steadyJob,
  unloadingCommands,
  unloadJob,
} from "./launchctl.ts";
import { installPlan, type Plan, type User } from "./plan.ts";

/** What a person typed. */
export interface InstallFlags {
  readonly dryRun?: true;
  readonly user?: string;
}

const SITE: LaunchdSite = { folder: MAC.launchDaemons, launchctl: MAC.launchctl, ...PATIENCE };
const EXIT_NOT_RUNNING = 1;
const EXIT_INTERRUPTED = 130;
const LAST_LINES = 5;

/** Prints what it would do, or does it. `agent` is the command whose options were given. Throws one sentence where nothing is installed. */
export async function install(agent: Command, { dryRun, user }: InstallFlags): Promise<void> {
  const facts = await installFacts(agent, user);
  if (!facts.ok) throw new Error(facts.error);
  const plan = installPlan(facts.value);
  for (const warning of plan.warnings) console.error(`warning: ${warning}`);
  for (const note of plan.notes) console.error(`note: ${note}`);
  const run = asUser(facts.value.user, MAC);
  const unmet = canTry(facts.value.user) ? await unmetNeeds(plan.needs, facts.value.user, run) : [];
  const refusals = [...plan.refusals, ...unmet];
  if (dryRun) {
    console.log(planText(plan, SITE, MAC));
    refuseWith(refusals);
  } else {
    refuseWith([...notHere(), ...refusals]);
    const what = "the agent that runs ends with its servers, and the new one starts";
    await report(what, (stop) => carryOut(plan, { site: SITE, mac: MAC, run }, stop), daemonPlist(plan.daemon));
  }
}

/** Prints what it would do, or does it. Throws one sentence where the agent is not gone. */
export async function uninstall({ dryRun }: InstallFlags): Promise<void> {
  if (dryRun) {
    console.log(`${[...unloading(SITE), ["rm", plistPath(SITE)]].map(shown).join("\n")}`);
    return;
  }
  refuseWith(notHere());
  await report("the agent ends with its servers", (stop) => takeAway(SITE, stop), "");
}

function refuseWith(refusals: readonly string[]): void {
  if (refusals.length > 0) throw new Error(refusals.join("\npulumi-llmkube: "));
}

/** Whether the paths can be tried as the user that the daemon runs as. */
function canTry({ uid }: User): boolean {
  const own = process.getuid?.();
  return own === uid || (own === 0 && process.platform === "darwin");
}

function notHere(): readonly string[] {
  if (process.platform !== "darwin") return ["launchd exists on macOS only; --dry-run shows here what would be done"];
  return process.getuid?.() === 0 ? [] : ["run it with sudo: the agent starts at boot, before anyone logs in"];
}

/** The file and the commands, as a person would type them. */
export function planText(plan: Plan, site: LaunchdSite, mac: Pick<MacPaths, "sudo" | "tmutil">): string {
  const { daemon, models } = plan;
  const commands = [
    [mac.sudo, "-u", daemon.user, "mkdir", "-p", dirname(logOf(daemon.home)), models],
    [mac.tmutil, "addexclusion", "-p", models],
    ...unloading(site),
    ...loadingCommands(site),
  ];
  return `${plistPath(site)}:\n${daemonPlist(daemon)}\n${commands.map(shown).join("\n")}`;
}

function unloading(site: LaunchdSite): readonly (readonly string[])[] {
  return unloadingCommands(site).map((command) =>
    command[1] === "print" ? [...command, "# until it fails"] : command,
  );
}

/** What is asked, and as whom. */
export interface Means {
  readonly site: LaunchdSite;
  readonly mac: Pick<MacPaths, "tmutil">;
  readonly run: AsUser;
}

/** What was done, as sentences. */
export interface Done {
  readonly said: string;
  readonly exitCode: number;
}

/** Installs over whatever is there. Until the file is written nothing is touched; from then on the same command finishes what was begun. */
export async function carryOut(plan: Plan, { site, mac, run }: Means, stop: AbortSignal): Promise<Result<Done>> {
  const { daemon, models } = plan;
  const log = logOf(daemon.home);
  const made = await run(["/bin/mkdir", "-p", dirname(log), models]);
  if (!made.ok)
    return fail(`the folders of the log and the models cannot be made, and nothing was changed: ${made.error}`);
  const excluded = await outputOf(mac.tmutil, ["addexclusion", "-p", models]);
  try {
    await writeFileAtomic(plistPath(site), daemonPlist(daemon), { mode: 0o644 });
  } catch (error) {
    return fail(`${plistPath(site)} cannot be written (${errorText(error)}), and nothing was changed`);
  }
  const unloaded = await unloadJob(site, stop);
  if (!unloaded.ok) return notLoaded(site, unloaded);
  const loaded = await loadJob(site, stop);
  if (!loaded.ok) return notLoaded(site, loaded);
  const job = await steadyJob(site, stop);
  if (!job.ok) return job;
  const backup = excluded.ok
    ? `Time Machine leaves out ${models}`
    : `Time Machine will copy ${models}: ${excluded.error}`;
  if (job.value.state === "running") {
    const how = `look at it with pulumi-llmkube status, or tail -f "${log}"`;
    const lines = [`installed ${plistPath(site)}; the agent runs (pid ${job.value.pid})`, how, backup];
    return ok({ said: lines.join("\n"), exitCode: 0 });
  }
  const exit =
    job.value.state === "idle" && job.value.lastExit !== undefined ? ` (last exit: ${job.value.lastExit})` : "";
  const said = `installed ${plistPath(site)}, but the agent does not stay running${exit}; its log ${log} ends:`;
  return ok({ said: [said, ...logEnd(log), backup].join("\n"), exitCode: EXIT_NOT_RUNNING });
}

function notLoaded(site: LaunchdSite, failure: Failure): Failure {
  if (failure.kind === "interrupted") return failure;
  return fail(`${failure.error}; ${plistPath(site)} is written and not loaded: run this command again`);
}

function logEnd(log: string): readonly string[] {
  const lines = logTail(log).trimEnd().split("\n").slice(-LAST_LINES);
  return lines.join("") === "" ? ["  (it is empty)"] : lines.map((line) => `  ${line}`);
}

/** Ends the agent, waits until it is gone, and then removes its file. */
export async function takeAway(site: LaunchdSite, stop: AbortSignal): Promise<Result<Done>> {
  const path = plistPath(site);
  const there = await stat(path).catch(() => undefined);
  const unloaded = await unloadJob(site, stop);
  if (!unloaded.ok) {
    return unloaded.kind === "interrupted"
      ? unloaded
      : fail(`${unloaded.error}; ${path} was not removed: run it again`);
  }
  if (there === undefined && unloaded.value === "gone") return ok({ said: "nothing is installed", exitCode: 0 });
  try {
    await rm(path, { force: true });
  } catch (error) {
    return fail(`the agent has ended, but ${path} cannot be removed (${errorText(error)})`);
  }
  const ended = unloaded.value === "ended" ? "the agent has ended, and its servers with it" : "no agent was running";
  return ok({
    said: `removed ${path}; ${ended}\nthe models, the log and the state folder stay, and in it the conversations that --saved-slots saved, if any; Time Machine goes on leaving out the models (tmutil removeexclusion -p FOLDER)`,
    exitCode: 0,
  });
}

/**
 * Does it, with a word while it takes long. After Ctrl-C it says how things stand.
 *
 * @param plist the file that is written
 */
async function report(what: string, work: (stop: AbortSignal) => Promise<Result<Done>>, plist: string): Promise<void> {
  let done: Result<Done> | undefined;
  await untilInterrupted(async (stop) => {
    done = await withProgress(what, work(stop));
  });
  if (done === undefined || (!done.ok && done.kind === "interrupted")) {
    console.error(`pulumi-llmkube: interrupted: ${await standing(SITE, plist)}; run the same command again to finish`);
    process.exitCode = EXIT_INTERRUPTED;
  } else if (!done.ok) throw new Error(done.error);
  else {
    console.log(done.value.said);
    process.exitCode = done.value.exitCode;
  }
}

function shown(command: readonly string[]): string {
  return command
    .map((word) => (/[\s&'"$]/.test(word) && !word.startsWith("#") ? `'${word.replaceAll("'", "'\\''")}'` : word))
    .join(" ");
}
