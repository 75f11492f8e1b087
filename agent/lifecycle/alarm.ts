/** Waits that others can cut short. */
export interface Alarm {
  /** Ends the wait, or the next one where nobody waits. */
  readonly ring: () => void;
  /** @param milliseconds the longest wait */
  readonly wait: (milliseconds: number) => Promise<void>;
}

export function alarmClock(): Alarm {
  let rung = false;
  let wakeUp: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wakeUp?.();
    },
    wait: async (milliseconds) => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, milliseconds);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
      wakeUp = undefined;
    },
  };
}
