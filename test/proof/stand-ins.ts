import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MAC_TOOLS, type MacTools } from "../../proof/mac-tools.ts";

/** What a Mac printed, recorded by others (docs/background/apple-memory.md). */
const VM_STAT = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               32257.
Pages active:                            254966.
Pages inactive:                          240318.
Pages purgeable:                          14672.`;

/** The footprint of Linux for the pid in a shell variable `pid`, in bytes. */
const BYTES = `awk '/^(Pss_Anon|Pss_Shmem|SwapPss):/ { sum += $2 } END { printf "%d", sum * 1024 }' "/proc/$pid/smaps_rollup"`;

type Scripts = Partial<Record<keyof MacTools, string>>;

/** Each prints in the form of macOS what it finds out on Linux, or what was recorded. */
const SCRIPTS: Scripts = {
  sysctl: `case "$2" in *pressure_level) echo 1;; *bootsessionuuid) echo 5A1C0C0F-0000-4000-8000-000000000000;;
    *brand_string) echo "Apple stand-in";; *) echo "sysctl: unknown oid '$2'" >&2; exit 1;; esac`,
  vmStat: `cat <<'END'\n${VM_STAT}\nEND`,
  footprint: `pid=$2; printf 'node [%s]: 64-bit    Footprint: %s B (16384 bytes per page)\\n' "$pid" "$(${BYTES})"`,
  vmmap: `pid=$2; printf 'Physical footprint:         %dK\\nPhysical footprint (peak):  9999.0M\\n' "$(( $(${BYTES}) / 1024 ))"`,
  lsof: `case "$1" in -nP) printf 'p42\\ncnode\\n'; exit;; esac
    for folder in /proc/[0-9]*; do [ "$(readlink "$folder/fd/1" 2>/dev/null)" = "$6" ] && basename "$folder"; done; true`,
  launchctl: `[ "$1" = procinfo ] && printf '\\tjetsam priority = 40\\n\\tjetsam memory limit (active) = 512 MB\\n' || echo "system = {"`,
  taskpolicy: 'shift 2; exec "$@"',
  sudo: 'shift; exec "$@"',
  swVers: 'printf "ProductName:\\t\\tmacOS\\nProductVersion:\\t\\t0.0\\n"',
  systemsetup: `[ "$1" = -gettimezone ] && echo "Time Zone: Europe/Berlin" || echo "$2" >> "$(dirname "$0")/zones"`,
  fdesetup: 'echo "FileVault is Off."',
  pmset: 'echo "System-wide power settings:"',
};

/** Stand-ins for the commands of macOS, some of them with another script. */
export async function macStandIns(folder: string, changed: Scripts = {}): Promise<MacTools> {
  const scripts = Object.entries({ ...SCRIPTS, ...changed });
  const paths = scripts.map(([name]) => [name, join(folder, `stand-in-${name}`)] as const);
  for (const [index, [, path]] of paths.entries()) {
    await writeFile(path, `#!/bin/sh\n${scripts[index]?.[1] ?? ""}\n`);
    await chmod(path, 0o755);
  }
  return { ...MAC_TOOLS, ...Object.fromEntries(paths) };
}
