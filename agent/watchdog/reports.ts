import type { Report } from "./protocol.ts";

/**
 * Sends reports to the agent's main part. While one is under way, because the main part reads nothing, only the newest is kept: a main
 * part that is blocked for an hour costs the watchdog no memory.
 */
export function reportsTo(main: NodeJS.Process): (report: Report) => void {
  let sending = false;
  let next: Report | undefined;
  const begin = () => {
    if (sending || next === undefined || !main.connected) return;
    const report = next;
    next = undefined;
    sending = true;
    main.send?.(report, undefined, {}, () => {
      sending = false;
      begin();
    });
  };
  return (report) => {
    next = report;
    begin();
  };
}
