import { readFileSync, statSync } from "node:fs";
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
export function withTokenFile(environment: TokenEnvironment): HubEnvironment {
  const { HF_ENDPOINT, HF_TOKEN } = environment;
  return { HF_ENDPOINT, HF_TOKEN: HF_TOKEN?.trim() || readToken(tokenPath(environment)) };
}

function tokenPath({ HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME }: TokenEnvironment): string {
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return HF_TOKEN_PATH || join(home, "token");
}

/** A file that is not there or cannot be read is no token: public models need none. */
function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Changes when the token file does, for a source that is read with it; constant for other sources. A file that cannot be looked at is
 * as good as none.
 */
export function tokenStamp(source: string, environment: TokenEnvironment): string {
  if (!/^hf:/i.test(source) || environment.HF_TOKEN?.trim()) return "";
  try {
    const { mtimeMs, ctimeMs, size } = statSync(tokenPath(environment));
    return `${mtimeMs} ${ctimeMs} ${size}`;
  } catch {
    return "";
  }
}
