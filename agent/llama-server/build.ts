import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { quoted } from "../../api/plain-text.ts";

/**
 * The least build for which the estimate holds: the commit of llama.cpp#23861 (1 June 2026). Earlier ones reserve the logits of a whole
 * micro-batch; those before llama.cpp#23764, three days older, also keep the attention mask in f32. Both make a server larger by up to
 * hundreds of MiB (docs/background/apple-memory.md, "Builds of llama.cpp").
 */
export const LEAST_BUILD = 9460;

/** A clone without history counts 1, a source without git 0: no build of the last years has so low a number. */
const LEAST_PLAUSIBLE = 1000;

/** What a llama-server says of its version. */
export interface Build {
  /** Its line, such as `version: 9776 (ac4105d68)`; undefined if there is none. */
  readonly text: string | undefined;
  /** Undefined if it does not know its own number. */
  readonly number: number | undefined;
  /** Versions such as 0.6.0-dev came after build 9776 of June 2026, so that every one of them is new enough. */
  readonly semantic: boolean;
}

/** Output of `llama-server --version`, both streams: the line stands on standard error, among what backends say. */
export function parseBuild(printed: string): Build {
  const text = /^version:? .*$/m.exec(printed)?.[0].trim();
  const rest = text?.replace(/^version:? /, "") ?? "";
  const semantic = /^v?\d+\.\d+\.\d+/.test(rest);
  const digits = semantic ? /\bbuild (\d+)\b/.exec(rest)?.[1] : /^b?(\d+)\b/.exec(rest)?.[1];
  const number = Number(digits ?? 0);
  return { text, number: number < LEAST_PLAUSIBLE ? undefined : number, semantic };
}

/** Why the estimate may not hold for this build, as a sentence; undefined if it holds. */
export function buildNote({ text, number, semantic }: Build): string | undefined {
  if (semantic) return undefined;
  if (number === undefined) {
    const said = text === undefined ? "prints no version" : `says only ${quoted(text)}`;
    return `llama-server ${said}, so it is not known whether it is at least build ${LEAST_BUILD}, for which estimates hold`;
  }
  if (number >= LEAST_BUILD) return undefined;
  return `llama-server is build ${number}, and estimates hold from build ${LEAST_BUILD} on: this one may need hundreds of MiB more (brew upgrade llama.cpp)`;
}

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;

/** Asks the binary. Nothing is known of one that does not answer within 20 s. Never throws. */
export async function readBuild(llamaServer: string): Promise<Build> {
  const options = { timeout: TIMEOUT_MS, killSignal: "SIGKILL" as const };
  const printed = await run(llamaServer, ["--version"], options).catch(() => ({ stdout: "", stderr: "" }));
  return parseBuild(`${printed.stdout}\n${printed.stderr}`);
}
