import { join, sep } from "node:path";

/** Homebrew's link to the version that is installed now: it outlives an upgrade. Undefined for a path that names no version. */
export function homebrewLink(path: string): string | undefined {
  const found = /^(.*)\/Cellar\/([^/]+)\/[^/]+(\/.+)$/.exec(path);
  return found === null ? undefined : `${found[1]}/opt/${found[2]}${found[3]}`;
}

/** Why a path will not stay. `certain`: it vanishes by itself, so that nothing may be built on it. */
export interface ShortLived {
  readonly certain: boolean;
  /** What kind of place it is, and what to do about it. */
  readonly why: string;
}

const STABLE_NODE = "brew install node, and run this command with that one";
const GLOBAL = "npm install --global pulumi-llmkube, and run this command from there";

/** Places that are named after a version or that somebody empties, first match. */
const SHORT_LIVED: readonly (readonly [place: RegExp, certain: boolean, why: string])[] = [
  [/\/_npx\//, true, `npx keeps it in a cache that npm empties: ${GLOBAL}`],
  [
    /\/(?:pnpm\/dlx|bunx)-|\/\.?cache\/pnpm\/dlx\//,
    true,
    `it is in a cache that its package manager empties: ${GLOBAL}`,
  ],
  [/\/fnm_multishells\//, true, `fnm removes it when the shell ends: ${STABLE_NODE}`],
  [/^(?:\/private)?\/(?:tmp|var\/folders|var\/tmp)\//, false, "macOS empties this folder: use a copy that stays"],
  [/\/\.nvm\/versions\//, false, `nvm removes it with its version: ${STABLE_NODE}`],
  [/\/fnm\/node-versions\//, false, `fnm removes it with its version: ${STABLE_NODE}`],
  [
    /\/(?:\.asdf|\.local\/share\/mise|\.local\/share\/rtx)\/installs\//,
    false,
    "asdf or mise removes it with its version",
  ],
  [
    /\/\.?(?:asdf|mise)\/shims\//,
    false,
    "a shim of asdf or mise needs files of your shell, which a daemon does not have",
  ],
  [/\/\.volta\//, false, `Volta removes it with its version: ${STABLE_NODE}`],
  [/\/\.(?:nodenv|nodebrew)\//, false, `its version manager removes it with its version: ${STABLE_NODE}`],
  [/\/Cellar\//, false, "Homebrew removes it at the next upgrade, and has no opt link for it"],
  [/^\/nix\/store\//, false, "Nix removes it when nothing refers to it any more"],
];

export function shortLived(path: string): ShortLived | undefined {
  const found = SHORT_LIVED.find(([place]) => place.test(path));
  return found && { certain: found[1], why: found[2] };
}

/** Folders of a home that macOS privacy (TCC) guards, and what a person calls them. */
const GUARDED: readonly (readonly [folder: string, name: string])[] = [
  ["Documents", "the Documents folder"],
  ["Desktop", "the Desktop folder"],
  ["Downloads", "the Downloads folder"],
  ["Library/Mobile Documents", "iCloud Drive"],
  ["Library/CloudStorage", "a cloud drive"],
];

/**
 * The place of `path` that macOS privacy keeps daemons out of; undefined if it is in none (docs/background/apple-memory.md, "launchd").
 *
 * @param path absolute, with its links resolved
 */
export function guardedPlace(path: string, home: string): string | undefined {
  // APFS does not tell upper from lower case.
  const within = (folder: string) => `${path}${sep}`.toLowerCase().startsWith(`${folder}${sep}`.toLowerCase());
  if (within("/Volumes")) return "an external or network volume";
  return GUARDED.find(([folder]) => within(join(home, folder)))?.[1];
}

/** What to do where macOS privacy guards a folder that the agent needs. */
export function guardedRemedy(node: string): string {
  return `give ${node} Full Disk Access (System Settings, Privacy & Security), or use another folder`;
}
