import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Failure, fail, type Result } from "../../api/result.ts";
import { contentStamp, type FileLooks } from "../files/looks.ts";
import { attempts } from "../store/attempts.ts";
import { type Build, buildNote } from "./build.ts";
import { EVERY_OPTION, lostOptions } from "./flags.ts";
import type { SupportedFlags } from "./supported-flags.ts";

/** The llama-server that a start would run now. */
export type ServerView =
  | { readonly state: "asking"; readonly message: string }
  | { readonly state: "usable"; readonly options: SupportedFlags }
  | { readonly state: "unusable"; readonly failure: Failure };

/** A llama-server on the disk, which an upgrade may replace while servers run. What runs is left alone: it has the old one in memory. */
export interface InstalledServer {
  readonly view: () => ServerView;
  /** It has refused a flag that it is said to know: its libraries may be others, and it is asked anew. */
  readonly doubt: () => void;
  /** Of the last one that could be used. */
  readonly options: () => SupportedFlags;
  /** Changes when its file is replaced or written to; undefined while it has not been looked at. */
  readonly stamp: () => string | undefined;
  /** Its version, such as `9776` or `0.6.0-dev`; undefined until it has said it. */
  readonly build: () => string | undefined;
  readonly problems: () => readonly string[];
  readonly notes: () => readonly string[];
}

export interface InstalledOptions {
  /** Its absolute path. */
  readonly path: string;
  /** What it supported when the agent began. */
  readonly options: SupportedFlags;
  /** Asks the one that is there now. */
  readonly ask: () => Promise<Result<SupportedFlags>>;
  /** Asks it for its build. */
  readonly askBuild: () => Promise<Build>;
  readonly looks: FileLooks;
  /** Called when an answer has come. */
  readonly changed: () => void;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** The time for a person. */
  readonly now: () => Date;
}

/** The first word of `version: 9776 (ac4105d68)`. */
function versionIn(line: string | undefined): string | undefined {
  return line?.replace(/^version:? /, "").split(" ")[0];
}

/** Looks at the file whenever it is asked about, and asks it anew what it supports when it is another one. */
export function installedServer(installed: InstalledOptions): InstalledServer {
  const { path, options, ask, askBuild, looks, changed, clock, now } = installed;
  let usable: { readonly stamp: string | undefined; readonly options: SupportedFlags } = { stamp: undefined, options };
  let doubts = 0;
  let replaced: Replaced | undefined;
  const asks = attempts<ServerView>({
    failureIn: (view) => (view.state === "unusable" ? view.failure : undefined),
    failed: (failure) => ({ state: "unusable", failure }),
    changed,
    clock,
  });
  const builds = attempts<Build | undefined>({
    failureIn: () => undefined,
    failed: () => undefined,
    changed,
    clock,
  });
  /** Undefined until it has said it. */
  const buildNow = () => {
    if (usable.stamp === undefined) return undefined;
    const key = contentOf(usable.stamp);
    return builds.look({ key, stamp: "", revision: "", begun: (before) => before, run: askBuild });
  };
  const asking: ServerView = { state: "asking", message: `asking ${path} what it supports` };

  const view = (): ServerView => {
    const look = looks.look(path);
    if (look.state === "looking") {
      return look.message === undefined
        ? { state: "usable", options: usable.options }
        : { state: "asking", message: look.message };
    }
    const stamp = `${contentStamp(look)} ${doubts}`;
    // The first look is at the one that was asked when the agent began.
    if (usable.stamp === undefined) usable = { ...usable, stamp };
    if (stamp === usable.stamp) return { state: "usable", options: usable.options };
    if (look.state === "missing") return { state: "unusable", failure: missing(path, look.code) };
    const answer = asks.look({
      key: stamp,
      ...{ stamp: "", revision: "", begun: (before: ServerView | undefined) => before ?? asking },
      run: async () => viewOf(path, await ask()),
    });
    if (answer.state !== "usable") return answer;
    const isOther =
      !isDeepStrictEqual(answer.options, usable.options) || contentOf(stamp) !== contentOf(usable.stamp ?? stamp);
    if (isOther) replaced = { at: now(), lost: lostOptions(usable.options, answer.options) };
    usable = { stamp, options: isOther ? answer.options : usable.options };
    return answer;
  };
  return {
    view,
    doubt: () => {
      if (view().state === "usable") doubts += 1;
    },
    options: () => usable.options,
    build: () => versionIn(buildNow()?.text),
    stamp: () => {
      const look = looks.look(path);
      return look.state === "found" ? contentStamp(look) : undefined;
    },
    problems: () => {
      const current = view();
      return current.state === "unusable" ? [`nothing can be started: ${current.failure.error}`] : [];
    },
    notes: () => [
      ...(replaced === undefined ? [] : [replacedNote(path, replaced)]),
      ...buildNotes(buildNow(), usable.options),
    ],
  };
}

interface Replaced {
  readonly at: Date;
  /** What the one before supported, and every server is started with. */
  readonly lost: readonly string[];
}

/** An option that a recent llama-server lacks was renamed: an old one lacks it because it lacks the feature. */
function buildNotes(build: Build | undefined, options: SupportedFlags): readonly string[] {
  if (build === undefined) return [];
  const old = buildNote(build);
  if (old !== undefined) return [old];
  const unknown = lostOptions(EVERY_OPTION, options);
  return unknown.length === 0
    ? []
    : [
        `this llama-server does not support ${unknown.join(", ")}, so its memory may grow past the estimate: the agent may be too old for it`,
      ];
}

/** The stamp without the doubts. */
function contentOf(stamp: string): string {
  return stamp.slice(0, stamp.lastIndexOf(" "));
}

/** What keeps it from running may pass without a change of the file: a library is put back. */
function viewOf(path: string, answer: Result<SupportedFlags>): ServerView {
  if (answer.ok) return { state: "usable", options: answer.value };
  return {
    state: "unusable",
    failure: fail(`${answer.error}; ${path} was replaced while the agent ran`, "unreachable"),
  };
}

function missing(path: string, code: string): Failure {
  return code === "ENOENT"
    ? fail(`${path} does not exist any more: install llama.cpp (brew install llama.cpp)`, "not-found")
    : fail(`${path} cannot be looked at (${code}): check its permissions`, "unreachable");
}

function replacedNote(path: string, { at, lost }: Replaced): string {
  const note = `${path} was replaced, seen at ${at.toISOString()}: servers that already run keep the old one until they are started again`;
  return lost.length === 0 ? note : `${note}; new ones start without ${lost.join(", ")}, which it does not support`;
}

/** Where a command is, by PATH where its name has no slash; the name itself where it is nowhere. */
export async function pathOfCommand(name: string, searched: string = process.env["PATH"] ?? ""): Promise<string> {
  if (isAbsolute(name) || name.includes("/")) return name;
  for (const folder of searched.split(delimiter).filter(isAbsolute)) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return join(folder, name);
  }
  return name;
}
