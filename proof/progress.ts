const FIRST_MS = 2000;
const LONGEST_MS = 60_000;

/** Says what is being waited for after two seconds, and then ever less often: a step may take minutes. */
export async function withHeartbeat<T>(what: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  let delay = FIRST_MS;
  const beat = () => {
    console.error(`… ${what} (${Math.round((performance.now() - began) / 1000)} s)`);
    delay = Math.min(2 * delay, LONGEST_MS);
    timer = setTimeout(beat, delay);
  };
  let timer = setTimeout(beat, delay);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
