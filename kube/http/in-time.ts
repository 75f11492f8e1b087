/**
 * The value of `work`, or the reason of the signal as soon as it is aborted; what comes of the work after that goes to `late`. undici looks at
 * the signal of a request only once there is a connection for it.
 */
export async function inTime<T>(work: Promise<T>, signal: AbortSignal, late: (value: T) => void): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    aborted.reject(signal.reason);
    work.then(late, () => {});
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
