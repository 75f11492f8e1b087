import { openWatchdog } from "../../../agent/watchdog/watchdog.ts";

/** Stands in for the agent's main part: it makes a watchdog hold the process in its third argument, in the state folder of its first. */
const [stateDirectory = "", held = ""] = process.argv.slice(2);
const watchdog = openWatchdog({ stateDirectory, clock: () => performance.now(), say: () => {}, wake: () => {} });
watchdog.hold({ processes: [JSON.parse(held)], shareBytes: Number.MAX_SAFE_INTEGER });
setInterval(watchdog.beat, 1000);
