import { type Failure, fail } from "../../api/result.ts";
import { tokenFileOf } from "../../fetch/hub-token.ts";
import { locate } from "../../fetch/locate.ts";
import { fileGate, type GateLimits } from "../files/gate.ts";
import { changeStamp, contentStamp, type FileLooks, lookAtAll } from "../files/looks.ts";
import { attempts } from "./attempts.ts";
import { sha256OfFile } from "./checked.ts";
import { type ModelFiles, type ModelSource, modelFiles } from "./files.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";
import { provider, shared } from "./provide.ts";
import type { StoredModel } from "./stored.ts";

export interface StoreOptions {
  /** Where downloaded models are kept. */
  readonly folder: string;
  readonly looks: FileLooks;
  /** Called after each piece of work. */
  readonly changed: () => void;
  /** Ends all work when it is aborted. */
  readonly signal: AbortSignal;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly limits?: StoreLimits;
}

/** Reading a disk from many places at once makes it slower. */
const CHECKING: GateLimits = { most: 4, mostOnOneDisk: 2 };

/**
 * Models on this machine. Paths and file:// are used in place; http(s) and hf:// are downloaded into `folder`, once for all who ask for the
 * same source, with a sha256 or without. A model is ready only when all its shards are there, and its named file, where the Model
 * has a sha256, was checked.
 */
export function modelStore({ folder, looks, changed, signal, clock, limits = DEFAULT_LIMITS }: StoreOptions) {
  const jobs = attempts<StoredModel>({ failureIn, failed, changed, clock });
  const checks = fileGate(clock, CHECKING);
  const provide = provider({ folder, looks, checks, clock, signal, limits });
  /** The sha256 that Models name, by source: a file that was checked also serves the Model that names none. */
  const named = new Map<string, Set<string>>();

  const isAway = vanishing(looks, folder);
  const present = (files: ModelFiles) => {
    const paths = files.map(({ path }) => path);
    const all = lookAtAll(looks, paths);
    if (all.state === "looking") return all;
    return all.looks.every((look) => look.state === "found" && look.stats.isFile());
  };

  const local = (path: string, sha256: string | undefined, intent: Intent, revision: string): StoredModel => {
    if (sha256 === undefined || intent === "look") return { state: "ready", path };
    const look = looks.look(path);
    if (look.state === "looking") return look;
    return jobs.look({
      key: `${contentStamp(look)} ${path} ${sha256}`,
      ...{ stamp: changeStamp(look), revision, begun },
      run: (show) => checks.run(path, () => checked(path, sha256, (message) => show({ state: "working", message }))),
    });
  };

  /** The first of these that is there; undefined where none is. */
  const firstPresent = (candidates: readonly ModelFiles[]): StoredModel | undefined => {
    for (const files of candidates) {
      const found = present(files);
      if (found === true) return { state: "ready", path: files[0].path };
      if (found !== false) return found;
    }
    return undefined;
  };

  /** Of one source there is one file: one that was checked serves all from now on. */
  const share = (path: string, source: string) => {
    const sha256 = [...(named.get(source) ?? [])].find((sha) => modelFiles(folder, source, sha)[0].path === path);
    const key = `sharing ${path}`;
    const run = async () => {
      await shared(folder, { source, sha256 }, looks);
      jobs.forget(key);
      return { state: "absent" } as const;
    };
    jobs.look({ key, stamp: "", revision: "", begun, run });
  };

  const remote = ({ source, sha256 }: ModelSource, intent: Intent, revision: string): StoredModel => {
    const shas = named.get(source) ?? new Set();
    named.set(source, sha256 === undefined ? shas : shas.add(sha256));
    const away = isAway();
    const own = modelFiles(folder, source, sha256);
    const unchecked = modelFiles(folder, source, undefined);
    const others = sha256 === undefined ? [...shas].map((sha) => modelFiles(folder, source, sha)) : [];
    const found = firstPresent([own, ...others]);
    if (found?.state === "ready" && intent === "fetch" && found.path !== own[0].path) share(found.path, source);
    if (found !== undefined) return found;
    if (intent === "look") return (sha256 && firstPresent([unchecked])) || { state: "absent" };
    if (away) return gone(folder);
    const token = lookAtAll(looks, [tokenFileOf(source, process.env) ?? []].flat());
    if (token.state === "looking") return token;
    const work = {
      key: own[0].path,
      ...{ stamp: token.looks.map(changeStamp).join(), revision, begun },
      run: (show: (view: StoredModel) => void) =>
        provide({ source, sha256 }, (message) => show({ state: "working", message })),
    };
    const view = jobs.look(work);
    if (view.state !== "ready" || firstPresent([modelFilesAt(view.path, own, unchecked)]) !== undefined) return view;
    // It was there and is not any more.
    jobs.forget(work.key);
    return jobs.look(work);
  };

  /** @param revision of the manifest: another one is a reason to try again what failed for good */
  return (model: ModelSource, intent: Intent, revision = ""): StoredModel => {
    const location = locate(model.source, process.env);
    if (!location.ok) return failed(location);
    if (location.value.kind === "file") return local(location.value.path, model.sha256, intent, revision);
    return remote(model, intent, revision);
  };
}

type Intent = "look" | "fetch";

/**
 * Whether a folder that was there is not any more: it went with its disk. One that were made in its place would take the name of the disk,
 * and room for models on another one.
 */
function vanishing({ look }: FileLooks, folder: string): () => boolean {
  let seen = false;
  return () => {
    const { state } = look(folder);
    seen ||= state === "found";
    return seen && state === "missing";
  };
}

function failureIn(view: StoredModel): Failure | undefined {
  return view.state === "failed" ? view.failure : undefined;
}

function gone(folder: string): StoredModel {
  const sentence = `${folder}, where models are kept, is not there any more: connect its disk, or make the folder again`;
  return failed(fail(sentence, "unreachable"));
}

function modelFilesAt(path: string, own: ModelFiles, unchecked: ModelFiles): ModelFiles {
  return unchecked[0].path === path ? unchecked : own;
}

function begun(): StoredModel {
  return { state: "working", message: "0%" };
}

function failed(failure: Failure): StoredModel {
  return { state: "failed", failure };
}

async function checked(path: string, sha256: string, progress: (message: string) => void): Promise<StoredModel> {
  const found = await sha256OfFile(path, progress);
  if (!found.ok) return failed(found);
  if (found.value === sha256) return { state: "ready", path };
  return failed(fail(`${path} has sha256 ${found.value}, the Model asks for ${sha256}`));
}
