import { ChildProcess } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { getCallSites } from "node:util";
import type { Played } from "./stand-ins.ts";

// Loaded before everything else in each process of a played Mac (NODE_OPTIONS). Only this project's own files are told that the machine is
// a Mac: Node.js, the packages and the toolchain see the one that is there.

const folder = process.env["PLAY_MAC"] ?? "";
const played: Played = JSON.parse(readFileSync(join(folder, "played.json"), "utf8"));

const ROOT = pathToFileURL(join(import.meta.dirname, "../..")).href;
const TOLD = /^\/(?:dist\/)?(?:agent|cli|components|policies|memory|serving|examples)\//;

function isTold(script: string): boolean {
  const file = script.startsWith("/") ? pathToFileURL(script).href : script;
  return file.startsWith(ROOT) && TOLD.test(file.slice(ROOT.length));
}

/** What `process[key]` is for those who are told; for all others it stays what it is. */
function tell(key: "platform" | "arch", value: string): void {
  const real = process[key];
  const get = () => (isTold(getCallSites(2)[1]?.scriptName ?? "") ? value : real);
  Object.defineProperty(process, key, { get, enumerable: true, configurable: true });
}

tell("platform", "darwin");
tell("arch", "arm64");
os.totalmem = () => played.memoryBytes;
syncBuiltinESMExports();

const PATHS = /\/agent\/host\/darwin\/mac-paths\.[jt]s$/;

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === "koffi" && !played.koffi) {
      throw Object.assign(new Error("koffi is not there, in this scenario"), { code: "MODULE_NOT_FOUND" });
    }
    return next(specifier, context);
  },
  load: (url, context, next) => {
    if (!PATHS.test(url) || !isTold(url)) return next(url, context);
    return { format: "module", shortCircuit: true, source: `export const MAC = ${JSON.stringify(played.paths)};` };
  },
});

/** What Node.js calls for each process that it starts. */
interface Spawning {
  readonly file: string;
  readonly args: readonly string[];
  readonly envPairs?: string[];
}
type Spawn = (options: Spawning) => number;

// The watchdog gets an environment of its own: it is to believe the same. Each start of a process is noted.
const prototype: { spawn: Spawn } = Object(ChildProcess.prototype);
const spawn = prototype.spawn;
const INHERITED = ["PLAY_MAC", "NODE_OPTIONS"].map((name) => `${name}=${process.env[name] ?? ""}`);
prototype.spawn = function noted(options) {
  const missing = INHERITED.filter(
    (pair) => !options.envPairs?.some((each) => each.startsWith(pair.split("=")[0] ?? "")),
  );
  options.envPairs?.push(...missing);
  const note = { by: process.pid, at: Date.now(), file: options.file, args: options.args.slice(1) };
  appendFileSync(join(folder, "spawned.jsonl"), `${JSON.stringify(note)}\n`);
  return spawn.call(this, options);
};
