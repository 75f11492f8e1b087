import type { Daemon } from "../../cluster/launchd.ts";
import { type Carried, carriedEnvironment } from "./environment.ts";
import { guardedPlace, guardedRemedy, homebrewLink, shortLived } from "./paths.ts";

/** Whom the daemon runs as. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}

/** What a path must be to this user. */
export type Use = "run" | "read" | "secret" | "list" | "write";

/** An option that was given, in the order of the command's own. */
export interface GivenOption {
  readonly flag: string;
  /** Undefined for an option without a value. */
  readonly value: string | undefined;
  /** What the user must be able to do with it; undefined if it is no path. */
  readonly use: Use | undefined;
}

/** All that the plan depends on. Every path is absolute. */
export interface Facts {
  readonly user: User;
  readonly node: string;
  /** The package's own program. */
  readonly program: string;
  readonly llamaServer: string;
  readonly options: readonly GivenOption[];
  /** Where models will be, given or not. */
  readonly models: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly behindSudo: boolean;
  /** Whether Homebrew's opt link of a path leads to the same file. */
  readonly hasLink: (path: string) => boolean;
  /** With its links resolved, as far as it exists. */
  readonly realPath: (path: string) => string;
}

/** A path that the daemon needs, to be tried as its user. */
export interface Need {
  readonly what: string;
  readonly path: string;
  readonly use: Use;
}

export interface Plan {
  readonly daemon: Daemon;
  readonly needs: readonly Need[];
  readonly models: string;
  /** Why nothing may be installed; each a sentence. */
  readonly refusals: readonly string[];
  /** What may not work, with the remedy. */
  readonly warnings: readonly string[];
  /** What somebody should know. */
  readonly notes: readonly string[];
}

/** What is to be installed, and what speaks against it. */
export function installPlan(facts: Facts): Plan {
  const { user, options, models, env, behindSudo } = facts;
  const programs = programsOf(facts);
  const [node, program, server] = programs;
  const { variables, notes }: Carried = carriedEnvironment(env, behindSudo);
  const args = options.flatMap(({ flag, value }) => (value === undefined ? [flag] : [flag, value]));
  const command = [node.path, program.path, "agent", "--llama-server", server.path, ...args];
  const given = options.flatMap(({ flag, value = "", use }) =>
    use === undefined ? [] : [{ what: flag, path: value, use }],
  );
  const needs = [...programs, ...given];
  const places = [
    ...needs,
    ...(given.some(({ what }) => what === "--models") ? [] : [{ what: "the models folder", path: models }]),
  ];
  return {
    daemon: { command, user: user.name, home: user.home, environment: variables },
    needs,
    models,
    refusals: [
      ...ownerRefusals(user),
      ...programs.flatMap((one) => (shortLived(one.path)?.certain ? lifeOf(one) : [])),
    ],
    warnings: [
      ...(user.uid === 0
        ? ["the agent will run as root, which it does not need: name the user who owns the models with --user"]
        : []),
      ...programs.flatMap((one) => (shortLived(one.path)?.certain ? [] : lifeOf(one))),
      ...given.flatMap((one) => (one.what === "--claims" ? [] : lifeOf(one))),
      ...places.flatMap(({ what, path }) => guardedWarning(what, path, node.path, facts)),
    ],
    notes,
  };
}

/** By Homebrew's links where there are some, so that an upgrade does not take them away. */
function programsOf(facts: Facts): readonly [Need, Need, Need] {
  const lasting = (path: string) => {
    const link = homebrewLink(path);
    return link !== undefined && facts.hasLink(path) ? link : path;
  };
  return [
    { what: "Node.js", path: lasting(facts.node), use: "run" },
    { what: "pulumi-llmkube", path: lasting(facts.program), use: "read" },
    { what: "--llama-server", path: lasting(facts.llamaServer), use: "run" },
  ];
}

function ownerRefusals({ name, home }: User): readonly string[] {
  const isHome = home.startsWith("/") && home !== "/" && home !== "/var/empty";
  return isHome
    ? []
    : [
        `the user ${name} has no home folder (${home === "" ? "none" : home}), which the agent needs for its state and its log: name another one with --user`,
      ];
}

function lifeOf({ what, path }: Need): readonly string[] {
  const life = shortLived(path);
  return life === undefined ? [] : [`${what} is ${path}, which will not stay: ${life.why}`];
}

function guardedWarning(what: string, path: string, node: string, { user, realPath }: Facts): readonly string[] {
  const place = guardedPlace(realPath(path), user.home);
  if (place === undefined) return [];
  return [
    `${what} ${path} is in ${place}, which macOS privacy keeps daemons out of: opening a file there fails or never ends, though it works in a terminal; ${guardedRemedy(node)}`,
  ];
}

/** What a need that is not met is, as a sentence. */
export function unmet({ what, path, use }: Need, user: string): string {
  const means: Readonly<Record<Use, string>> = {
    run: "is no program that it may run",
    read: "is no file that it may read",
    secret: "is no file that it alone may read: let it be its owner, and run chmod 600 on it",
    list: "is no folder that it may read",
    write: "is no folder that it may write or make",
  };
  return `${what} ${path}: for the user ${user} this ${means[use]}`;
}
