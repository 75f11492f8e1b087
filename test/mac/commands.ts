import type { Mac } from "./mac.ts";
import type { Native } from "./native.ts";
import { proofCommands } from "./proof-commands.ts";

/** Who works on a played Mac. */
export const PERSON = "ada";

/** Bodies of shell scripts by the name of the command that each stands in for. Formats: docs/background/apple-memory.md. */
export function commandScripts(mac: Mac, folder: string, native: Native): Readonly<Record<string, string>> {
  const bodies = {
    ...proofCommands(folder),
    ...{ ps: PS, lsof: LSOF, vm_stat: printing(VM_STAT), sysctl: sysctl(folder), footprint: footprint(mac) },
    taskpolicy: taskpolicy(mac, native),
    caffeinate: CAFFEINATE,
    fdesetup: printing("FileVault is Off."),
    pmset: printing(PMSET),
    tmutil: "exit 0",
    sudo: SUDO,
    sw_vers: swVers(mac),
    ioreg: printing(IOREG),
  };
  return Object.fromEntries(
    Object.entries(bodies).map(([name, body]) => [name, `echo "${name} $*" >> "${folder}/calls.log"\n${body}`]),
  );
}

function printing(text: string): string {
  return `cat <<'END'\n${text}\nEND`;
}

/** The `ps` of this machine, whose times look otherwise: `MM:SS.hh`. */
const PS = `PATH=/usr/bin:/bin
case "$*" in
  *time=*) ps "$@" | sed -E 's/([0-9]+):([0-9]{2}):([0-9]{2})$/\\1:\\2:\\3.00/' ;;
  *) exec ps "$@" ;;
esac`;

/** Of standard outputs, and of listeners. */
const LSOF = `PATH=/usr/bin:/bin:/usr/sbin
last=
for each in "$@"; do last=$each; done
case "$*" in
  "-t -a -d 1 -- "*) file=$(realpath -- "$last") && ls -l /proc/[0-9]*/fd/1 2>/dev/null | awk -v file="$file" '
    index($0, " -> " file) && substr($0, length($0) - length(file) + 1) == file { split($0, part, "/"); print part[3]; found = 1 }
    END { exit found ? 0 : 1 }' ;;
  *) exec lsof "$@" ;;
esac`;

function sysctl(folder: string): string {
  return `status=0
named=yes
for each in "$@"; do
  case "$each" in
    -n) named=no ;;
    -*) ;;
    kern.memorypressure_manual_trigger=65537) echo 1 > "${folder}/sysctl/kern.memorystatus_vm_pressure_level" ;;
    *) if [ -f "${folder}/sysctl/$each" ]; then
         [ "$named" = no ] || printf '%s: ' "$each"
         cat "${folder}/sysctl/$each"
       else
         echo "sysctl: unknown oid '$each'" >&2
         status=1
       fi ;;
  esac
done
exit $status`;
}

/** One section a process; the first line rounds, what stands under it does not. */
function footprint(mac: Mac): string {
  const shown = mac.footprint === "another pid" ? "1" : "$pid";
  return `status=0
while [ $# -gt 0 ]; do
  if [ "$1" != -p ]; then shift; continue; fi
  pid=$2
  shift 2
  bytes=$(awk '/^(Pss_Anon|Pss_Shmem|SwapPss):/ { sum += $2 } END { if (NR) printf "%.0f", sum * 1024 }' "/proc/$pid/smaps_rollup" 2>/dev/null)
  if [ -z "$bytes" ]; then echo "footprint: Unable to find process with pid $pid" >&2; status=1; continue; fi
  name=$(cat "/proc/$pid/comm")
  echo ======================================================================
  echo "$name [${shown}]: 64-bit    Footprint: $bytes B (16384 bytes per page)"
  echo ======================================================================
  echo
  echo 'Auxiliary data:'
  echo "    phys_footprint: $bytes B"
  echo "    phys_footprint_peak: $bytes B"
  echo
done
exit $status`;
}

function taskpolicy({ taskpolicy }: Mac, native: Native): string {
  if (taskpolicy === "enforced") return `exec "${native.taskpolicy}" "$@"`;
  if (taskpolicy === "ignored") return 'shift 2\nexec "$@"';
  return `echo 'taskpolicy: illegal option -- m' >&2
echo 'Usage: taskpolicy [-d <policy>] [-g policy] [-c clamp] [-b] [-t <tier>] [-l <tier>] <program> [<pargs> [...]]' >&2
exit 64`;
}

/** Stays while the process of -w is there, as the real one does. */
const CAFFEINATE = `while [ $# -gt 1 ] && [ "$1" != -w ]; do shift; done
while kill -0 "$2" 2>/dev/null; do sleep 0.2; done`;

function swVers({ version }: Mac): string {
  return `case "$1" in
  -productVersion|--productVersion) echo ${version} ;;
  -buildVersion|--buildVersion) echo 24E248 ;;
  *) printf 'ProductName:\\t\\tmacOS\\nProductVersion:\\t\\t${version}\\nBuildVersion:\\t\\t24E248\\n' ;;
esac`;
}

/** `ioreg -rd1 -c IOPlatformExpertDevice`, the lines around the UUID [form of public reports, not recorded]. */
const IOREG = `+-o J414cAP  <class IOPlatformExpertDevice, id 0x100000226, registered, matched, active, busy 0 (0 ms), retain 39>
    {
      "IOPlatformSerialNumber" = "PLAYEDMAC0"
      "IOPlatformUUID" = "564D1B3C-0000-4000-8000-0123456789AB"
      "manufacturer" = <"Apple Inc.">
    }`;

/** A Mac of 16 GiB [recorded]. */
const VM_STAT = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               32257.
Pages active:                            254966.
Pages inactive:                          240318.
Pages speculative:                        14083.
Pages throttled:                              0.
Pages wired down:                        172591.
Pages purgeable:                          14672.
"Translation faults":                 218850525.
Pages copy-on-write:                   11360665.
Pages zero filled:                    145853813.
Pages reactivated:                      7483439.
Pages purged:                           1540816.
File-backed pages:                       181743.
Anonymous pages:                         327624.
Pages stored in compressor:              639764.
Pages occupied by compressor:            294851.
Decompressions:                         4668445.
Compressions:                           6377731.
Pageins:                                5708256.
Pageouts:                                 51709.
Swapins:                                      0.
Swapouts:                                     0.`;

/** A desktop Mac, with `-g custom`. */
const PMSET = `AC Power:
 standby              1
 Sleep On Power Button 1
 SleepServices        0
 hibernatefile        /var/vm/sleepimage
 powernap             1
 networkoversleep     0
 disksleep            10
 sleep                1
 hibernatemode        3
 ttyskeepawake        1
 displaysleep         10
 tcpkeepalive         1
 lowpowermode         0
 womp                 0`;

/** Who plays may do what root may. With -u it is no more than that user (play-mac.ts). */
const SUDO = `export PLAY_ROOT=yes SUDO_USER=${PERSON}
while :; do case "$1" in -u) unset PLAY_ROOT; shift 2 ;; --) shift; break ;; -*) shift ;; *) break ;; esac; done
exec "$@"`;
