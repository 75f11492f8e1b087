import { outputOf } from "../../agent/host/command.ts";
import { openPlatform } from "../../agent/host/open.ts";
import { printed } from "../printed.ts";
import type { Finding, Scene, Step } from "../step.ts";

/** Far apart, and one whose offset is no whole hour. */
const ZONES = ["UTC", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati"];

export const startTime: Step = {
  name: "start-time",
  asserts: "the start time by which the agent knows a process is the same in every time zone",
  needs: [],
  blocks: "always",
  run: async (scene) => {
    const before = process.env["TZ"];
    scene.undoLater(() => setZone(before));
    return sameIn(scene, ZONES, async (zone) => setZone(zone));
  },
};

export const systemTimeZone: Step = {
  name: "system-time-zone",
  asserts: "the start time by which the agent knows a process stays the same when the time zone of the system changes",
  needs: ["darwin", "root", "selfHosted"],
  blocks: "always",
  run: async (scene) => {
    const { sudo, systemsetup } = scene.mac;
    const set = (zone: string) => outputOf(sudo, ["-n", systemsetup, "-settimezone", zone]);
    const { stdout } = await printed(scene, "gettimezone", [sudo, "-n", systemsetup, "-gettimezone"]);
    const before = /^Time Zone: (\S+)$/m.exec(stdout)?.[1];
    if (before === undefined) throw new Error(`systemsetup does not say which time zone there is: ${stdout}`);
    scene.undoLater(() => set(before));
    return sameIn(scene, ["America/Los_Angeles", "Asia/Kathmandu"], set);
  },
};

/** What the agent reads of this process in each zone. */
async function sameIn(
  scene: Scene,
  zones: readonly string[],
  set: (zone: string) => Promise<unknown>,
): Promise<readonly Finding[]> {
  const platform = await openPlatform();
  if (!platform.ok) return [{ what: "the agent knows this machine", held: false, saw: platform.error }];
  const read: Array<readonly [zone: string, startTime: string | null | undefined]> = [];
  for (const zone of zones) {
    await set(zone);
    read.push([zone, await platform.value.startTime(process.pid)]);
  }
  scene.keep("start-times.json", `${JSON.stringify(Object.fromEntries(read), null, 2)}\n`);
  const [[, first] = []] = read;
  return read.map(([zone, time]) => ({
    what: `it is read in ${zone}, and is the same`,
    held: typeof time === "string" && time === first,
    saw: String(time),
  }));
}

function setZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
}
