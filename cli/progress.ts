const FIRST_WORD_MS = 2000;

/** Says on standard error what is being waited for, once it takes longer than two seconds. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const started = Date.now();
  const timer = setInterval(() => {
    console.error(`… ${what} (${Math.round((Date.now() - started) / 1000)} s)`);
  }, FIRST_WORD_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
