import { join } from "node:path";
import { MAC_TOOLS, type MacTools } from "../../proof/mac-tools.ts";

const LAUNCHD = join(import.meta.dirname, "stand-in-launchd.ts");

/** Of macOS at the same place here, and no different. */
const SAME: readonly (keyof MacTools)[] = ["true", "sleep"];

/** Bodies of scripts for what only the proof calls, or what only it asks of a command: by the name of the command. */
export function proofCommands(folder: string): Readonly<Record<string, string>> {
  return {
    vmmap: VMMAP,
    // A volume is the folder that it is attached to.
    hdiutil: 'case "$1" in create) for each in "$@"; do last=$each; done; : > "$last" ;; esac',
    install: 'while [ $# -gt 2 ]; do shift; done\nexec cp "$1" "$2"',
    systemsetup: `zone="${folder}/zone"
case "$1" in
  -gettimezone) echo "Time Zone: $(cat "$zone" 2>/dev/null || echo Europe/Berlin)" ;;
  -settimezone) echo "$2" > "$zone" ;;
esac`,
    // Until it is ended, as the real one.
    memory_pressure: `case "$3" in warn) level=2 ;; critical) level=4 ;; *) exit 64 ;; esac
echo "$level" > "${folder}/sysctl/kern.memorystatus_vm_pressure_level"
exec sleep 60`,
    launchctl: `exec '${process.execPath}' '${LAUNCHD}' '${folder}/launchd' "$@"`,
  };
}

/** Of this machine, rounded as the real one rounds. */
const VMMAP = `for each in "$@"; do pid=$each; done
kib=$(awk '/^(Pss_Anon|Pss_Shmem|SwapPss):/ { sum += $2 } END { printf "%d", sum }' "/proc/$pid/smaps_rollup")
printf 'Physical footprint:         %dK\\nPhysical footprint (peak):  %dK\\n' "$kib" "$kib"`;

/** The tools of the proof, with the paths of a played Mac: of stand-ins in `bin`, or as they are here. */
export function toolsIn(bin: string, paths: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(MAC_TOOLS).map(([key, path]) => {
    const same = SAME.some((each) => each === key);
    return [key, paths[key] ?? (same ? path : join(bin, path.split("/").at(-1) ?? ""))];
  });
  return Object.fromEntries(own);
}
