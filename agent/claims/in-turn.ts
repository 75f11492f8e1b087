/** Work on a folder that may be slow, fail or never answer, done once at a time. */
export interface InTurn {
  /** Does the work, or does it once more after the one that is under way. Never rejects. */
  readonly run: () => Promise<void>;
  /** Why the last work failed, or `does not answer` for work that takes more than 5 s; undefined if it is well. */
  readonly trouble: () => string | undefined;
  readonly busy: () => boolean;
}

const PATIENCE_MS = 5000;

/**
 * @param clock milliseconds that never go back
 * @param describe makes a sentence from an error
 */
export function inTurn(
  work: () => Promise<void>,
  clock: () => number,
  describe: (error: unknown) => Promise<string>,
): InTurn {
  let since: number | undefined;
  let again = false;
  let failure: string | undefined;
  const once = async () => {
    try {
      await work();
      failure = undefined;
    } catch (error) {
      failure = await describe(error);
    }
  };
  return {
    run: async () => {
      again = true;
      if (since !== undefined) return;
      while (again) {
        again = false;
        since = clock();
        await once();
      }
      since = undefined;
    },
    trouble: () => (since !== undefined && clock() - since > PATIENCE_MS ? "does not answer" : failure),
    busy: () => since !== undefined,
  };
}
