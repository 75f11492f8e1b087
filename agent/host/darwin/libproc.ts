import { createRequire } from "node:module";
import { MAC } from "./mac-paths.ts";
import { readPids, readUsage, type Usage } from "./process-usage.ts";
import { readAvailableBytes } from "./vm-statistics.ts";

/** The system calls that the agent uses on macOS: none starts a process, and each is done in microseconds. */
export interface Libproc {
  /** `gone`: there is certainly no such process, or it has exited. Undefined: it cannot be read, as that of another user. */
  usage(pid: number): Usage | "gone" | undefined;
  /** Pids of the processes in the group of `pid`; undefined if they cannot be read. */
  group(pid: number): readonly number[] | undefined;
  /** What the kernel says under this name, up to 1 KiB of it; undefined if it has no such name. */
  sysctl(name: string): Buffer | undefined;
  /** Memory in bytes that the system could provide without taking it from a process: for display. Undefined if it cannot be read. */
  availableBytes(): number | undefined;
}

/**
 * All that is called in libSystem, as its headers declare it: libproc.h, sys/sysctl.h, mach/mach_time.h, mach/mach_host.h of xnu. Kept
 * in one table, so that whoever plays a Mac knows what to provide.
 */
export const PROTOTYPES = {
  usage: "int proc_pid_rusage(int pid, int flavor, _Out_ uint8_t *buffer)",
  group: "int proc_listpgrppids(int group, _Out_ uint8_t *buffer, int size)",
  sysctl:
    "int sysctlbyname(const char *name, _Out_ uint8_t *old, _Inout_ size_t *size, const void *set, size_t setSize)",
  timebase: "int mach_timebase_info(_Out_ uint32_t *info)",
  host: "uint32_t mach_host_self()",
  statistics: "int host_statistics64(uint32_t host, int flavor, _Out_ uint8_t *info, _Inout_ uint32_t *count)",
} as const;

const MOST_SYSCTL_BYTES = 1024;

/** Undefined if koffi, an optional dependency, or the library cannot be loaded: also where koffi was installed for another architecture. */
export function openLibproc(library: string = MAC.libSystem): Libproc | undefined {
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const loaded = koffi.load(library);
    const bound = (name: keyof typeof PROTOTYPES) => loaded.func(PROTOTYPES[name]);
    const [usage, group, sysctlByName] = [bound("usage"), bound("group"), bound("sysctl")];
    const statistics = bound("statistics");
    // A call that succeeds leaves the number of an earlier failure behind.
    const numbered = (work: () => unknown) => {
      koffi.errno(0);
      const value = Number(work());
      return { value, errno: koffi.errno() };
    };
    const ticks: [number, number] = [0, 0];
    bound("timebase")(ticks);
    const host: unknown = bound("host")();
    const sysctl = (name: string) => {
      const buffer = Buffer.alloc(MOST_SYSCTL_BYTES);
      const size = [buffer.length];
      if (Number(sysctlByName(name, buffer, size, null, 0)) !== 0) return undefined;
      return buffer.subarray(0, Number(size[0]));
    };
    return {
      usage: (pid) => readUsage((flavor, buffer) => numbered(() => usage(pid, flavor, buffer)), ticks),
      group: (pid) => readPids((buffer) => numbered(() => group(pid, buffer, buffer.length))),
      sysctl,
      availableBytes: () =>
        readAvailableBytes(
          (flavor, buffer, count) => Number(statistics(host, flavor, buffer, count)),
          sysctl("vm.pagesize"),
        ),
    };
  } catch {
    return undefined;
  }
}
