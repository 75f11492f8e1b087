import { type Chip, M4 } from "./chips.ts";

/** What `taskpolicy -m` does: it depends on the version of macOS (docs/background/apple-memory.md, "Kernel limit"). */
export type Taskpolicy = "no such option" | "ignored" | "enforced";

/** What `footprint` prints about a process. */
export type Footprint = "right" | "another pid";

/** How the played llama-server behaves. */
export interface ServerBehaviour {
  /** How `--list-devices` names Metal. null: the binary has no Metal. */
  readonly device: "MTL0" | "Metal" | null;
  /** What it prints before it reads the weights, when it is asked for its projection. */
  readonly breakdown: "as today" | "another shape" | "none" | "twice" | "never comes";
  /** Options that this build does not know yet. */
  readonly lacks: readonly string[];
  /** Until September 2025 `--flash-attn` took no value. */
  readonly flashAttention: "on|off|auto" | "no value";
  /** `version:` of `--version`. */
  readonly version: string;
  /** How long a cold library of Metal's takes before the first line, in seconds. */
  readonly coldSeconds: number;
  /** The second copy of tied embeddings, and the largest tensor, in MiB. Gemma 3 270M: both are its token embeddings. */
  readonly copyMib: number;
  readonly stagingMib: number;
  /** How long the peak of loading lasts, in milliseconds. */
  readonly peakMs: number;
}

/** A Mac to be played. */
export interface Mac {
  readonly chip: Chip;
  /** `sw_vers -productVersion`. */
  readonly version: string;
  readonly taskpolicy: Taskpolicy;
  readonly koffi: boolean;
  readonly footprint: Footprint;
  /** By name; what is not here does not exist. */
  readonly sysctl: Readonly<Record<string, string>>;
  readonly server: ServerBehaviour;
}

const TODAYS_SERVER: ServerBehaviour = {
  device: "MTL0",
  breakdown: "as today",
  lacks: [],
  flashAttention: "on|off|auto",
  version: "11434 (8ee538c)",
  coldSeconds: 0,
  copyMib: 170,
  stagingMib: 170,
  peakMs: 0,
};

/** What a row of the table says of a Mac; all else is an ordinary one. */
export type Particulars = Partial<Omit<Mac, "server" | "sysctl">> & {
  readonly server?: Partial<ServerBehaviour>;
  /** null: it does not exist. */
  readonly sysctl?: Readonly<Record<string, string | null>>;
};

export function macWith({ server, sysctl, ...part }: Particulars): Mac {
  const chip = part.chip ?? M4;
  const version = part.version ?? "15.4";
  const readings = Object.entries({ ...ordinary(chip, version), ...sysctl });
  return {
    taskpolicy: "ignored",
    koffi: true,
    footprint: "right",
    ...part,
    chip,
    version,
    sysctl: Object.fromEntries(readings.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
    server: { ...TODAYS_SERVER, ...server },
  };
}

function ordinary({ name, model, memoryGib, cores }: Chip, version: string): Readonly<Record<string, string>> {
  return {
    "hw.memsize": String(memoryGib * 2 ** 30),
    "hw.model": model,
    "hw.ncpu": String(cores),
    "hw.pagesize": "16384",
    "hw.optional.arm64": "1",
    "iogpu.wired_limit_mb": "0",
    "kern.bootsessionuuid": "6D5B8C0E-8F6A-4C1C-9F5B-0A5B1C1E7C11",
    "kern.boottime": "{ sec = 1763990000, usec = 0 } Mon Nov 24 13:13:20 2025",
    "kern.memorystatus_level": "81",
    "kern.memorystatus_vm_pressure_level": "1",
    "kern.osproductversion": version,
    "machdep.cpu.brand_string": name,
    "sysctl.proc_translated": "0",
    "vm.pagesize": "16384",
    "vm.swapusage": "total = 1024.00M  used = 512.00M  free = 512.00M  (encrypted)",
  };
}
