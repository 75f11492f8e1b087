import { type ApiKeys, readApiKeys } from "../llama-server/api-key.ts";
import type { SupervisorOptions } from "./options.ts";

/** What is known of a file of API keys. */
export interface KeyFile {
  /** As of the last good look; undefined before the first. */
  readonly keys: ApiKeys | undefined;
  /** Why it cannot be used at the moment, as a sentence; undefined while it can. */
  readonly problem: string | undefined;
}

/** The files of API keys that servers were started with. */
export interface KeyFiles {
  /** What the last look has found. It never waits: a look that is due goes on in the background, and wakes the loop if it sees a change. */
  readonly known: (path: string) => KeyFile;
  /** A key for a server that was started with the keys of this digest; the last good one where they are not remembered. */
  readonly keyFor: (path: string, digest: string | undefined) => string | undefined;
  /** One sentence for each file that cannot be used. */
  readonly problems: () => readonly string[];
}

const LOOK_MS = 5000;
/** A look that takes longer is held up by its disk. */
const HANGS_MS = 10_000;

interface Watched {
  found: KeyFile;
  /** When the last look began, in milliseconds of the injected clock. */
  lookedAt: number;
  looking: boolean;
  /** One key of each content of late, by its digest; the latest last. */
  readonly firsts: Map<string, string>;
}

/** Contents of one file that are remembered: its servers restart one by one, and it may change again meanwhile. */
const MOST_REMEMBERED = 16;

/** Looks at key files now and then. The last good keys stay while a file cannot be used: the servers that run have them already. */
export function keyFiles({
  background,
  clock,
  wake,
}: Pick<SupervisorOptions, "background" | "clock" | "wake">): KeyFiles {
  const watched = new Map<string, Watched>();
  const look = async (path: string, file: Watched) => {
    const before = file.found;
    Object.assign(file, { lookedAt: clock(), looking: true });
    const read = await readApiKeys(path);
    file.looking = false;
    if (read.ok) remember(file.firsts, read.value);
    file.found = read.ok ? { keys: read.value, problem: undefined } : unusable(before, read.error);
    if (file.found.problem !== before.problem || file.found.keys?.digest !== before.keys?.digest) wake();
  };
  const known = (path: string) => {
    const file = watched.get(path) ?? unseen();
    watched.set(path, file);
    const since = clock() - file.lookedAt;
    if (!file.looking && since >= LOOK_MS) background(`reading the API keys in ${path}`, look(path, file));
    else if (file.looking && since >= HANGS_MS) {
      file.found = unusable(file.found, `--api-key-file ${path} does not answer: look at its disk`);
    }
    return file.found;
  };
  return {
    known,
    keyFor: (path, digest) => {
      const last = known(path).keys?.first;
      return digest === undefined ? last : (watched.get(path)?.firsts.get(digest) ?? last);
    },
    problems: () => [...watched.values()].flatMap(({ found }) => found.problem ?? []),
  };
}

function unseen(): Watched {
  return { found: NOTHING_KNOWN, lookedAt: Number.NEGATIVE_INFINITY, looking: false, firsts: new Map() };
}

function remember(firsts: Map<string, string>, { digest, first }: ApiKeys): void {
  firsts.delete(digest);
  firsts.set(digest, first);
  const [oldest] = firsts.keys();
  if (firsts.size > MOST_REMEMBERED && oldest !== undefined) firsts.delete(oldest);
}

const NOTHING_KNOWN: KeyFile = { keys: undefined, problem: undefined };

function unusable({ keys }: KeyFile, why: string): KeyFile {
  return { keys, problem: `${why}; servers keep the keys that they have, and no model starts until then` };
}
