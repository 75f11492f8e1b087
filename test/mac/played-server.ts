import { join } from "node:path";
import type { Mac } from "./mac.ts";
import { metalRules } from "./metal-log.ts";
import type { Native } from "./native.ts";

interface Parts {
  readonly folder: string;
  readonly native: Native;
  readonly realServer: string;
  readonly weightsBytes: number;
}

interface PlayedServer {
  /** A shell script. */
  readonly script: string;
  /** In the scenario's folder, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * A llama-server on Metal: the toolchain's real one for the CPU, with real weights, which `exec` starts with play-metal.c inside. So its
 * pid, its answers and most of its memory are real.
 */
export function playedServer(mac: Mac, { folder, native, realServer, weightsBytes }: Parts): PlayedServer {
  const { server } = mac;
  const script = `echo "llama-server $*" >> "${folder}/calls.log"
real='${realServer}'
# Whoever is first has to wait.
if rm "${folder}/cold" 2>/dev/null; then sleep ${server.coldSeconds}; fi
case "$1" in
  --version) printf 'version: ${server.version}\\nbuilt with AppleClang 17.0.0.17000013 for Darwin arm64\\n' >&2; exit 0 ;;
  --list-devices) cat "${folder}/devices.txt"; exit 0 ;;
  --help) "$real" --help 2>&1 | ${helpFilter(mac)}; exit 0 ;;
esac
for each in "$@"; do
  case "$each" in ${server.lacks.map((option) => `${option}) echo "error: invalid argument: ${option}" >&2; exit 1 ;; `).join("")}*) ;; esac
done
export PLAY_MAC="${folder}" PLAY_FAULT="${folder}/gpu-fault" PLAY_SPIKE="${folder}/spike" PLAY_WEIGHTS_BYTES=${Math.floor(weightsBytes * 0.9)}
export PLAY_COPY_MIB=${server.copyMib} PLAY_STAGING_MIB=${server.stagingMib} PLAY_PEAK_MS=${server.peakMs} PLAY_RULES="${folder}/metal-log.tsv"
${server.breakdown === "never comes" ? 'case "$*" in *"--fit on"*) exec sleep 600 ;; esac' : ""}
# What only Metal understands: the real server is told of the processor. One buffer for tied embeddings is one copy.
count=$#
while [ "$count" -gt 0 ]; do
  one=$1
  shift
  case "$one" in
    -ot|--override-tensor)
      case "$1" in *token_embd*=MTL0*|*token_embd*=Metal*) export PLAY_COPY_MIB=0 PLAY_RULES="${folder}/metal-log-one-copy.tsv" ;; esac
      shift
      count=$((count - 2)) ;;
    *) set -- "$@" "$one"; count=$((count - 1)) ;;
  esac
done
LD_PRELOAD='${native.metal}' exec "$real" "$@"${server.lacks.includes("--fit") ? " --fit off" : ""}`;
  return {
    script,
    files: {
      cold: "",
      "devices.txt": devices(mac),
      "metal-log.tsv": tabbed(metalRules(mac, server.copyMib)),
      "metal-log-one-copy.tsv": tabbed(metalRules(mac, 0)),
    },
  };
}

/** A file whose content is the name of an error: while it is there the GPU fails. */
export function faultFile(folder: string): string {
  return join(folder, "gpu-fault");
}

/** A file whose content is an amount in MiB: the next request lets the server grow by that for a moment. */
export function spikeFile(folder: string): string {
  return join(folder, "spike");
}

function tabbed(rules: readonly (readonly [pattern: string, text: string])[]): string {
  return rules.map(([pattern, text]) => `${pattern}\t${text}\n`).join("");
}

/** Metal beside BLAS, as the chip lists them. */
function devices({ chip, server }: Mac): string {
  const blas = "  BLAS: Accelerate (0 MiB, 0 MiB free)\n";
  if (server.device === null) return `Available devices:\n${blas}`;
  const metal = `  ${server.device}: ${chip.name} (${chip.workingSetMib} MiB, ${chip.workingSetMib} MiB free)\n`;
  return `Available devices:\n${metal}${blas}`;
}

/** Takes out the options that this build does not know. */
function helpFilter({ server }: Mac): string {
  const lacked = server.lacks.map((option) => `-e '/^-.*${option}[ ,]/d'`);
  const attention =
    server.flashAttention === "no value" ? ["-e 's/--flash-attn \\[on|off|auto\\]/--flash-attn              /'"] : [];
  return ["sed", ...lacked, ...attention, "-e ''"].join(" ");
}
