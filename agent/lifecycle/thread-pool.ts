/**
 * Threads that all file operations and look-ups of names share. Node begins with four, so that four calls on a disk that hangs stop
 * every other one: the status, the manifests, each download. The bounds elsewhere add up to less: 16 looks and headers (files/gate.ts),
 * 4 checks of a sha256 and 6 downloads with up to 6 calls each (store/), 5 calls on manifests. An idle thread costs some 8 KiB.
 */
export const THREADS = 64;

/** Must be called before the first file operation: the pool takes its size then, and keeps it. A size that a person chose stays. */
export function enlargeThreadPool(environment: NodeJS.ProcessEnv = process.env): void {
  environment["UV_THREADPOOL_SIZE"] ??= String(THREADS);
}
