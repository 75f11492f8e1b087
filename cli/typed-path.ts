import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";

/**
 * What a person typed as a path, made absolute. A tilde that the shell left, as most do in `--models=~/models`, stays for
 * {@link withHome}: whose home it means is known only with the command.
 */
export function typedPath(text: string): string {
  return hasTilde(text) ? text : resolve(text);
}

/** The same for a program: a name without a slash is searched for in PATH. */
export function typedProgram(text: string): string {
  return text.includes("/") ? typedPath(text) : text;
}

/** A path that was {@link typedPath}, below `home` where it begins with a tilde. */
export function withHome(path: string, home: string): string {
  return hasTilde(path) ? join(home, path.slice(1)) : path;
}

function hasTilde(text: string): boolean {
  return text === "~" || text.startsWith("~/");
}

/**
 * Puts the home of this user into all paths that were typed, before any command acts. `agent install` puts that of the user in for whom it
 * installs.
 */
export function expandHome(program: Command): void {
  program.hook("preAction", (_program, acting) => {
    if (acting.name() === "install") return;
    for (let command: Command | null = acting; command !== null; command = command.parent) expandIn(command);
  });
}

function expandIn(command: Command): void {
  for (const option of command.options) {
    if (option.parseArg !== typedPath && option.parseArg !== typedProgram) continue;
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    if (typeof value !== "string" || !hasTilde(value)) continue;
    command.setOptionValueWithSource(name, withHome(value, homedir()), command.getOptionValueSource(name));
  }
}
