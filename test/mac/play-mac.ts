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
const TOLD = /^\/(?:dist\/)?(?:agent|cli|components|policies|memory|serving|examples|proof)\//;

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
// Behind the stand-in for sudo: root, whom a person with a home of their own has asked.
if (process.env["PLAY_ROOT"] !== undefined) {
  const person = { ...os.userInfo(), username: played.person.name, homedir: played.person.home, uid: 501, gid: 20 };
  Object.assign(os, { userInfo: () => person });
  process.getuid = () => 0;
}
syncBuiltinESMExports();

/** Modules that are tables of absolute paths: each is replaced as a whole. */
const TABLES = [
  { module: /\/agent\/host\/darwin\/mac-paths\.[jt]s$/, name: "MAC", paths: played.paths },
  { module: /\/proof\/mac-tools\.ts$/, name: "MAC_TOOLS", paths: played.tools },
];

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === "koffi" && !played.koffi) {
      throw Object.assign(new Error("koffi is not there, in this scenario"), { code: "MODULE_NOT_FOUND" });
    }
    return next(specifier, context);
  },
  load: (url, context, next) => {
    const table = isTold(url) ? TABLES.find(({ module }) => module.test(url)) : undefined;
    if (table === undefined) return next(url, context);
    const source = `export const ${table.name} = ${JSON.stringify(table.paths)};`;
    return { format: "module", shortCircuit: true, source };
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
