import { totalmem } from "node:os";
import { fail, ok, type Result } from "../../../api/result.ts";
import type { Platform } from "../platform.ts";
import { parsePressureLevel } from "../pressure-levels.ts";
import { abstime } from "../start-time.ts";
import { availableByVmStat, cpuSecondsByPs, listenerByLsof, startTimeByPs, writersByLsof } from "./commands.ts";
import { type Libproc, openLibproc } from "./libproc.ts";
import { MAC, type MacPaths } from "./mac-paths.ts";
import { openSysctl } from "./sysctl.ts";

/** What of a {@link Platform} is read again and again, so that it should cost no process. */
type Readings = Pick<Platform, "availableBytes" | "cpuSeconds" | "startTime">;

/**
 * A Mac. With koffi all that is read again and again is read by system call; only who writes a log and who listens on a port is asked of `lsof`. The tests
 * run without a Mac: they hold the parsers to recorded output (docs/background/apple-memory.md, "Not seen on a Mac"), and replace
 * commands and library by stand-ins.
 */
export async function openDarwin(
  mac: MacPaths = MAC,
  libproc: Libproc | undefined = openLibproc(mac.libSystem),
): Promise<Result<Platform>> {
  const sysctl = openSysctl(mac, libproc);
  const bootId = await sysctl.text("kern.bootsessionuuid");
  if (bootId === null) return fail("the kernel does not name this boot (sysctl kern.bootsessionuuid)");
  return ok({
    backend: "metal",
    hostMemoryBytes: totalmem(),
    bootId,
    pressure: async () => parsePressureLevel(`${await sysctl.number("kern.memorystatus_vm_pressure_level")}`),
    ...(libproc === undefined ? byCommands(mac) : bySystemCalls(libproc)),
    writersOf: (path) => writersByLsof(path, mac),
    listenerOn: (port) => listenerByLsof(port, mac),
  });
}

function byCommands(mac: MacPaths): Readings {
  return {
    availableBytes: () => availableByVmStat(mac),
    cpuSeconds: (leader) => cpuSecondsByPs(leader, mac),
    startTime: (pid) => startTimeByPs(pid, mac),
  };
}

function bySystemCalls(libproc: Libproc): Readings {
  return {
    availableBytes: async () => libproc.availableBytes() ?? null,
    cpuSeconds: async (leader) => {
      const usages = (libproc.group(leader) ?? []).map((pid) => libproc.usage(pid));
      const times = usages.flatMap((one) => (one === undefined || one === "gone" ? [] : one.cpuSeconds));
      return times.length === 0 ? null : times.reduce((sum, time) => sum + time, 0);
    },
    startTime: async (pid) => {
      const usage = libproc.usage(pid);
      if (usage === "gone") return null;
      return usage && abstime(usage.startedAt);
    },
  };
}
