/** Time, so that a test can move it by hand. A clock of `kube/clock.ts` is one. */
export interface GatewayClock {
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  /** Calls `callback` once after this time; returns what cancels it. */
  readonly timer: (callback: () => void, milliseconds: number) => () => void;
}

export function gatewayClock(): GatewayClock {
  return {
    monotonic: () => performance.now(),
    timer: (callback, milliseconds) => {
      const timeout = setTimeout(callback, milliseconds);
      return () => clearTimeout(timeout);
    },
  };
}
