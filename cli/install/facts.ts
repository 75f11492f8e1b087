import { realpathSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { outputOf } from "../../agent/host/command.ts";
import type { MacPaths } from "../../agent/host/darwin/mac-paths.ts";
import { pathOfCommand } from "../../agent/llama-server/installed.ts";
import { packagePath } from "../../agent/state/package.ts";
import { DEFAULT_MODELS } from "../../agent/state/paths.ts";
import type { ListenAddress } from "../../api/listen.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { unnamedSource } from "../source-problem.ts";
import { withHome } from "../typed-path.ts";
import { homebrewLink } from "./paths.ts";
import { type Facts, type GivenOption, type Need, type Use, type User, unmet } from "./plan.ts";

const USES: Readonly<Record<string, Use>> = {
  manifests: "list",
  models: "write",
  state: "write",
  claims: "write",
  apiKeyFile: "secret",
  kubeconfig: "secret",
  clientCaFile: "read",
};

/**
 * Reads what an installation depends on. Fails with one sentence.
 *
 * @param named the user that it shall run as; undefined for who asks, also behind sudo
 */
export async function installFacts(agent: Command, named: string | undefined): Promise<Result<Facts>> {
  const behindSudo = process.env["SUDO_USER"] || undefined;
  const user = await ownerOf(named, behindSudo);
  if (!user.ok) return user;
  const { home } = user.value;
  const options = optionsOf(agent, home);
  const wrong = unnamedSource(agent.opts());
  if (wrong !== undefined) return fail(wrong);
  const wanted = String(agent.getOptionValue("llamaServer"));
  const llamaServer = withHome(await pathOfCommand(wanted), home);
  if (!llamaServer.includes("/")) {
    return fail(`${wanted} was not found: brew install llama.cpp, or name it with --llama-server`);
  }
  return ok({
    user: user.value,
    node: process.execPath,
    program: packagePath("bin/pulumi-llmkube.js"),
    llamaServer: absolute(llamaServer),
    options,
    models: options.find(({ flag }) => flag === "--models")?.value ?? join(home, relative(homedir(), DEFAULT_MODELS)),
    env: process.env,
    behindSudo: behindSudo !== undefined,
    hasLink: (path) => sameFile(path, homebrewLink(path)),
    realPath,
  });
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : join(process.cwd(), path);
}

/** Only what was given, so that all else is the default of the user that it runs as. */
function optionsOf(agent: Command, home: string): readonly GivenOption[] {
  return agent.options.flatMap((option) => {
    const name = option.attributeName();
    const source = agent.getOptionValueSource(name);
    if (name === "llamaServer" || (source !== "cli" && source !== "env")) return [];
    const value: unknown = agent.getOptionValue(name);
    const use = USES[name];
    const text = value === true ? undefined : isAddress(value) ? `${value.host}:${value.port}` : String(value);
    const path = use === undefined || text === undefined ? text : withHome(text, home);
    return [{ flag: option.long ?? "", value: path, use }];
  });
}

function isAddress(value: unknown): value is ListenAddress {
  return typeof value === "object" && value !== null && "host" in value && "port" in value;
}

/** A name that a shell takes as one word after `~`. */
const NAME = /^[A-Za-z_][\w.-]*$/;

/** Who asked, also behind sudo, or who was named. Root itself only if it was named. */
async function ownerOf(named: string | undefined, behindSudo: string | undefined): Promise<Result<User>> {
  const own = userInfo();
  const name = named ?? behindSudo ?? own.username;
  if (
    named === undefined &&
    (name === "root" || own.uid === 0) &&
    (behindSudo === undefined || behindSudo === "root")
  ) {
    return fail(
      "root runs this, and not through sudo from another account, so it is not known who owns the models: run it with sudo from that user's account, or name the user with --user",
    );
  }
  if (!NAME.test(name)) return fail(`${JSON.stringify(name)} is no user name that is supported: name one with --user`);
  if (name === own.username) return ok({ name, uid: own.uid, home: own.homedir });
  const answer = await outputOf("/bin/sh", ["-c", `id -u -- ${name} && echo ~${name}`]);
  const [uid = "", home = ""] = answer.ok ? answer.value.split("\n") : [];
  if (!/^\d+$/.test(uid)) return fail(`there is no user ${name} on this machine: name one with --user`);
  return ok({ name, uid: Number(uid), home: home.startsWith("/") ? home : "" });
}

function sameFile(path: string, other: string | undefined): boolean {
  try {
    return other !== undefined && realpathSync.native(path) === realpathSync.native(other);
  } catch {
    return false;
  }
}

/** Of what does not exist yet, the part that does is resolved. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}

/** Shell tests of `$1`. A folder that is missing would be made in the nearest one that exists. */
const TESTS: Readonly<Record<Use, string>> = {
  run: '[ -f "$1" ] && [ -x "$1" ]',
  read: '[ -f "$1" ] && [ -r "$1" ]',
  // By the words of ls, since stat and find have other options on macOS.
  secret: '[ -f "$1" ] && [ -r "$1" ] && case $(ls -ldL "$1") in ????------*) true ;; *) false ;; esac',
  list: '[ -d "$1" ] && [ -r "$1" ] && [ -x "$1" ]',
  write: 'p=$1; while [ ! -e "$p" ]; do p=$(dirname "$p"); done; [ -d "$p" ] && [ -w "$p" ] && [ -x "$p" ]',
};

/** Runs commands as the user of the daemon; as itself where that is who asks. */
export type AsUser = (command: readonly string[]) => Promise<Result<string>>;

export function asUser({ name, uid }: User, { sudo }: Pick<MacPaths, "sudo">): AsUser {
  return async (command) => {
    const [file = "", ...args] = process.getuid?.() === uid ? command : [sudo, "-n", "-u", name, "--", ...command];
    return outputOf(file, args);
  };
}

/** The needs that are not met, each as a sentence. */
export async function unmetNeeds(needs: readonly Need[], user: User, run: AsUser): Promise<readonly string[]> {
  const unmetOnes: string[] = [];
  for (const need of needs) {
    const met = await run(["/bin/sh", "-c", TESTS[need.use], "sh", need.path]);
    if (!met.ok) unmetOnes.push(unmet(need, user.name));
  }
  return unmetOnes;
}
