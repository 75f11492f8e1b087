import { dirname } from "node:path";

/**
 * Runs what touches a path that is not the agent's own: weights, a token, the binary. On a disk that hangs such a call may last for
 * minutes, and all the while it holds one of the threads that all file operations share. So few are under way at once, fewer on one
 * disk, and never two on one path: what hangs holds up nothing but what needs it.
 */
export interface FileGate {
  /** Runs `work` in its turn. */
  run<T>(path: string, work: () => Promise<T>): Promise<T>;
  /** Tells which disk a path is on, for the limit of one disk. Until then its folder stands for it. */
  readonly onDisk: (path: string, device: number) => void;
  /** Whether `run` would have to wait for its turn. */
  readonly isBusy: (path: string) => boolean;
  /** Milliseconds since something began, or began to wait, on this path; undefined while nothing does. */
  readonly sinceMs: (path: string) => number | undefined;
  /** What has been under way for longer than {@link SLOW_MS}, by path, in milliseconds. */
  readonly slow: () => ReadonlyMap<string, number>;
}

/** What takes longer is said. A disk that spins up takes a few seconds. */
export const SLOW_MS = 5000;

/** How many may be under way at once. `THREADS` (lifecycle/thread-pool.ts) is more than all of them together. */
export interface GateLimits {
  readonly most: number;
  readonly mostOnOneDisk: number;
}

/** For looks and headers. */
export const LOOKING: GateLimits = { most: 16, mostOnOneDisk: 6 };

interface Waiting {
  readonly path: string;
  readonly begin: () => void;
}

/** @param clock milliseconds that never go back */
export function fileGate(clock: () => number, { most, mostOnOneDisk }: GateLimits = LOOKING): FileGate {
  const devices = new Map<string, number>();
  const since = new Map<string, number>();
  const running = new Set<string>();
  const queue: Waiting[] = [];
  const diskOf = (path: string) => devices.get(path) ?? dirname(path);

  const mayBegin = (path: string) => {
    const onThatDisk = [...running].filter((other) => diskOf(other) === diskOf(path));
    return running.size < most && onThatDisk.length < mostOnOneDisk && !running.has(path);
  };
  const beginNext = () => {
    const next = queue.find(({ path }) => mayBegin(path));
    if (next === undefined) return;
    queue.splice(queue.indexOf(next), 1);
    running.add(next.path);
    next.begin();
    beginNext();
  };
  return {
    run: async (path, work) => {
      if (!since.has(path)) since.set(path, clock());
      const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
      queue.push({ path, begin });
      beginNext();
      await turn;
      try {
        return await work();
      } finally {
        running.delete(path);
        if (queue.some((other) => other.path === path)) since.set(path, clock());
        else since.delete(path);
        beginNext();
      }
    },
    isBusy: (path) => !mayBegin(path),
    onDisk: (path, device) => {
      devices.set(path, device);
    },
    sinceMs: (path) => {
      const began = since.get(path);
      return began === undefined ? undefined : clock() - began;
    },
    slow: () => {
      const now = clock();
      return new Map([...since].map(([path, began]) => [path, now - began] as const).filter(([, ms]) => ms >= SLOW_MS));
    },
  };
}
