import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { HubEnvironment } from "./locate.ts";

/** Where the hub's own tools look for the token file; `~` is not expanded, as a shell has done it. */
export interface TokenEnvironment extends HubEnvironment {
  /** The file itself. */
  readonly HF_TOKEN_PATH?: string | undefined;
  /** Folder of the file `token`. */
  readonly HF_HOME?: string | undefined;
  /** Folder that holds `huggingface/token`; default `~/.cache`. */
  readonly XDG_CACHE_HOME?: string | undefined;
}

/** `environment` with `HF_TOKEN`: where it is not set, from the file that `hf auth login` writes, if there is one. */
export async function withTokenFile(environment: TokenEnvironment): Promise<HubEnvironment> {
  const { HF_ENDPOINT, HF_TOKEN } = environment;
  return { HF_ENDPOINT, HF_TOKEN: HF_TOKEN?.trim() || (await readToken(tokenPath(environment))) };
}

function tokenPath({ HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME }: TokenEnvironment): string {
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return HF_TOKEN_PATH || join(home, "token");
}

/** One at a time on a path: it may be on a disk that hangs. */
const reading = new Map<string, Promise<string | undefined>>();

/** A file that is not there or cannot be read is no token: public models need none. */
function readToken(path: string): Promise<string | undefined> {
  const begun = reading.get(path);
  if (begun !== undefined) return begun;
  const read = readFile(path, "utf8")
    .then(
      (text) => text.trim() || undefined,
      () => undefined,
    )
    .finally(() => reading.delete(path));
  reading.set(path, read);
  return read;
}

/** The token file that a source is read with; undefined where none is: the source is not on the hub, or `HF_TOKEN` is set. */
export function tokenFileOf(source: string, environment: TokenEnvironment): string | undefined {
  return /^hf:/i.test(source) && !environment.HF_TOKEN?.trim() ? tokenPath(environment) : undefined;
}
