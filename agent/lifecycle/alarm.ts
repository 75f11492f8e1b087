/** A wait that others can end early. */
export interface Alarm {
  /** Ends the current wait, or the next one if none is under way. */
  readonly ring: () => void;
  /** Waits until {@link ring}, but `milliseconds` at most. */
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
