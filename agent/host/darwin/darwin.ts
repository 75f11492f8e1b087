import { totalmem } from "node:os";
import { fail, ok, type Result } from "../../../api/result.ts";
import type { Platform } from "../platform.ts";
import { parsePressureLevel } from "../pressure-levels.ts";
import { abstime } from "../start-time.ts";
import { availableByVmStat, cpuSecondsByPs, listenerByLsof, startTimeByPs, writersByLsof } from "./commands.ts";
import { METAL_DEVICES, metalDevice } from "./devices.ts";
import { type Libproc, openLibproc } from "./libproc.ts";
import { MAC, type MacPaths } from "./mac-paths.ts";
import { openSysctl } from "./sysctl.ts";

/** What of a {@link Platform} is read again and again, so that it should cost no process. */
type Readings = Pick<Platform, "availableBytes" | "cpuSeconds" | "startTime">;

/**
 * A Mac with a GPU that llama-server can use. Fails without one, because a fallback to the CPU would be silent and slow. With koffi all
 * that is read again and again is read by system call; only who writes a log and who listens on a port is asked of `lsof`. The tests
 * run without a Mac: they hold the parsers to recorded output (docs/background/apple-memory.md, "Not seen on a Mac"), and replace
 * commands and library by stand-ins.
 *
 * @param devices what `llamaServer --list-devices` prints
 */
export async function openDarwin(
  llamaServer: string,
  devices: string,
  mac: MacPaths = MAC,
  libproc: Libproc | undefined = openLibproc(mac.libSystem),
): Promise<Result<Platform>> {
  const device = metalDevice(devices);
  if (device === null) {
    return fail(
      `${llamaServer} --list-devices lists no Metal device (${METAL_DEVICES}): install a llama-server that is built with Metal`,
    );
  }
  const sysctl = openSysctl(mac, libproc);
  const bootId = await sysctl.text("kern.bootsessionuuid");
  if (bootId === null) return fail("the kernel does not name this boot (sysctl kern.bootsessionuuid)");
  return ok({
    backend: "metal",
    hostMemoryBytes: totalmem(),
    deviceName: device.name,
    workingSetBytes: device.workingSetBytes,
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

/** The working set of the first Metal device, in bytes; null if there is none. */
export function parseWorkingSet(devices: string): number | null {
  return metalDevice(devices)?.workingSetBytes ?? null;
}
