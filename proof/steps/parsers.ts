import {
  parseGroupTime,
  parseListener,
  parsePids,
  parsePsTime,
  parseVmStat,
} from "../../agent/host/darwin/commands.ts";
import { parseFootprint, parseGroups } from "../../agent/host/darwin/footprint-command.ts";
import { parsePressureLevel } from "../../agent/host/pressure-levels.ts";
import { listening } from "../listening.ts";
import { printed } from "../printed.ts";
import { type Finding, readable, type Scene, type Step } from "../step.ts";

/** The agent reads nothing that these commands print here but through the same parsers. */
export const parsers: Step = {
  name: "parsers",
  asserts: "every parser of the agent reads what this system's commands print",
  needs: ["darwin"],
  blocks: "always",
  run: async (scene) => [...(await ofTheMachine(scene)), ...(await ofProcesses(scene)), ...(await onlyKept(scene))],
};

async function ofTheMachine(scene: Scene): Promise<readonly Finding[]> {
  const { mac } = scene;
  const pressure = await printed(scene, "pressure-level", [mac.sysctl, "-n", "kern.memorystatus_vm_pressure_level"]);
  const boot = await printed(scene, "boot-session", [mac.sysctl, "-n", "kern.bootsessionuuid"]);
  const vmStat = await printed(scene, "vm_stat", [mac.vmStat]);
  return [
    readable("sysctl names a pressure level", parsePressureLevel(pressure.stdout)),
    readable("sysctl names this boot", /^[\dA-F-]{36}$/.exec(boot.stdout.trim())?.[0]),
    readable("vm_stat says what is available", parseVmStat(vmStat.stdout)),
  ];
}

async function ofProcesses(scene: Scene): Promise<readonly Finding[]> {
  const { mac } = scene;
  const { pid } = process;
  const own = String(pid);
  const { port, close, log, child } = await listening(scene.folder);
  scene.undoLater(close);
  const footprint = await printed(scene, "footprint", [mac.footprint, "-p", own, "-f", "bytes", "--noCategories"]);
  const groups = await printed(scene, "ps-groups", [mac.ps, "-axo", "pid=,pgid="]);
  const times = await printed(scene, "ps-group-times", [mac.ps, "-axo", "pgid=,time="]);
  const time = await printed(scene, "ps-time", [mac.ps, "-o", "time=", "-p", own]);
  const start = await printed(scene, "ps-start", [mac.ps, "-o", "lstart=", "-p", own]);
  const writers = await printed(scene, "lsof-writers", [mac.lsof, "-t", "-a", "-d", "1", "--", log]);
  const listener = await printed(scene, "lsof-listener", [
    ...([mac.lsof, "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"] as const),
  ]);
  const group = [...parseGroups(groups.stdout)].find(([, members]) => members.includes(pid))?.[0];
  return [
    readable("footprint measures this process", parseFootprint(footprint.stdout, pid)),
    readable("ps knows the group of this process", group),
    readable("ps sums processor time of that group", parseGroupTime(times.stdout, group ?? -1)),
    readable("ps knows processor time of this process", parsePsTime(time.stdout)),
    readable("ps knows when it started, in UTC", /^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/.exec(start.stdout.trim())?.[0]),
    {
      what: "lsof finds who writes to a log",
      held: parsePids(writers.stdout).includes(child),
      saw: `${parsePids(writers.stdout).join(", ")} for pid ${child}`,
    },
    readable("lsof finds who listens on a port", parseListener(listener.stdout)),
  ];
}

/** Kept for tests to come: doctor reads them, or people. */
async function onlyKept(scene: Scene): Promise<readonly Finding[]> {
  const { mac } = scene;
  const answers = [
    await printed(scene, "sw_vers", [mac.swVers]),
    await printed(scene, "chip", [mac.sysctl, "-n", "machdep.cpu.brand_string"]),
    await printed(scene, "fdesetup-status", [mac.fdesetup, "status"]),
    await printed(scene, "pmset", [mac.pmset, "-g"]),
    await printed(scene, "launchctl-print-system", [mac.launchctl, "print", "system"]),
  ];
  const silent = answers.filter(({ stdout }) => stdout.trim() === "").length;
  // In a virtual machine, or as another user, these may be missing; that is an answer too.
  await printed(scene, "wired-limit", [mac.sysctl, "-n", "iogpu.wired_limit_mb"]);
  await printed(scene, "rosetta", [mac.sysctl, "-n", "sysctl.proc_translated"]);
  return [{ what: "the other commands answer", held: silent === 0, saw: `${answers.length - silent} did` }];
}
