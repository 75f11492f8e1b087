import { M1, M3_ULTRA, M4, M4_MAX_64, M4_MAX_128, M4_PRO, ODD_NAME, VIRTUAL } from "./chips.ts";
import {
  budgetAsNamed,
  budgetOf,
  diskGoesAndComes,
  forgedFault,
  gpuFault,
  type Happening,
  panics,
  reboots,
  spike,
  upgrade,
} from "./happenings.ts";
import type { Particulars } from "./mac.ts";

/** What a person sees of a model. */
export interface Seen {
  readonly state: string;
  /** In its message, or in that of its scheduling. */
  readonly message?: RegExp;
  /** Each is matched by one of its notes. */
  readonly notes?: readonly RegExp[];
  /** No note matches it. */
  readonly noNote?: RegExp;
  /** Starts after the first. */
  readonly restarts?: number;
  /** Its process is still the one from before. */
  readonly sameProcess?: true;
}

export interface Scenario {
  /** What is special about the Mac. */
  readonly name: string;
  readonly mac: Particulars;
  /** 1Gi by default. */
  readonly budget?: string;
  /** The agent that is shipped, rather than that from source. */
  readonly shipped?: true;
  /** The agent does not start, and says why. */
  readonly refuses?: RegExp;
  /** By default the model becomes Ready. */
  readonly sees?: Seen;
  readonly happens?: Happening;
  /** After that. */
  readonly seesAfter?: Seen;
  /** What the agent's log says, in this order. */
  readonly says?: readonly RegExp[];
  /** A problem of the agent's own in the status, in the end. */
  readonly problem?: RegExp;
  /** What the status says of the kernel's limit. */
  readonly kernelCap?: RegExp;
  /** What `doctor` finds, by the name of the check. */
  readonly doctor?: Readonly<Record<string, readonly [state: "ok" | "warning" | "failed", found: RegExp]>>;
}

const READY: Seen = { state: "Ready", noNote: /project/ };
/** A model whose projection is not to be had starts all the same, and says so. */
const UNASKED: Seen = { state: "Ready", notes: [/project|breakdown/] };
const WELL = { state: "Ready", restarts: 0, sameProcess: true } as const;
const STARTED_AGAIN = { state: "Ready", restarts: 1 } as const;
/** Less than any estimate of the model. */
const TOO_LITTLE = "300Mi";
const REFUSED: Seen = { state: "Failed", message: /(estimated|projected) \S+ MiB required, budget 300\.0 MiB/ };

/**
 * What the agent must do on each kind of Mac. A new finding is one row: what is special about the Mac (all else is an ordinary one,
 * mac.ts), and what a person must see.
 */
export const SCENARIOS: readonly Scenario[] = [
  // Chips and devices
  {
    name: "a base M1 with 8 GiB whose macOS has no taskpolicy -m",
    mac: { chip: M1, version: "14.0", taskpolicy: "no such option" },
    shipped: true,
    sees: READY,
    kernelCap: /^none: .*(option|-m)/,
    doctor: { Metal: ["ok", /5\.3 GiB/], memory: ["ok", /4\.0 GiB \(8\.0 GiB less 4\.0 GiB/] },
  },
  {
    name: "an M4 with 16 GiB whose taskpolicy takes the limit and ignores it",
    mac: { chip: M4, taskpolicy: "ignored" },
    sees: READY,
    kernelCap: /^none: .*(does not enforce|ignore)/,
  },
  {
    name: "an M4 Pro, whose name makes the first column of the breakdown wider, and whose kernel enforces the limit",
    mac: { chip: M4_PRO, version: "26.2", taskpolicy: "enforced" },
    shipped: true,
    sees: READY,
    kernelCap: /^taskpolicy/,
  },
  { name: "an M4 Max with 64 GiB", mac: { chip: M4_MAX_64, taskpolicy: "enforced" }, sees: READY },
  { name: "an M4 Max with 128 GiB", mac: { chip: M4_MAX_128 }, sees: READY },
  { name: "an M3 Ultra with 512 GiB", mac: { chip: M3_ULTRA }, sees: READY },
  {
    name: "a virtual Mac without a limit on wired memory",
    mac: { chip: VIRTUAL, sysctl: { "iogpu.wired_limit_mb": null } },
    sees: READY,
    doctor: { "wired limit": ["ok", /none|not have|default/] },
  },
  { name: "a chip whose name has brackets, a colon and a bar", mac: { chip: ODD_NAME }, sees: READY },
  { name: "a build that names the device Metal", mac: { server: { device: "Metal" } }, sees: READY },
  { name: "a build without Metal", mac: { server: { device: null } }, refuses: /lists no Metal device.*install/ },
  { name: "a cold library of Metal's, which takes 5 s", mac: { server: { coldSeconds: 5 } }, sees: READY },
  {
    name: "a kernel that does not name its boot",
    mac: { sysctl: { "kern.bootsessionuuid": null } },
    refuses: /kern\.bootsessionuuid/,
  },

  // How memory is read
  { name: "a Mac on which koffi was not installed", mac: { koffi: false }, sees: READY },
  {
    name: "a footprint that speaks of another process, without koffi",
    mac: { koffi: false, footprint: "another pid" },
    sees: { state: "Ready", notes: [/cannot be measured|enforcement/i] },
  },
  {
    name: "a kernel that does not say how hard pressed it is",
    mac: { sysctl: { "kern.memorystatus_vm_pressure_level": null } },
    sees: { state: "Waiting", message: /pressure/ },
  },

  // The projection
  { name: "a breakdown of another shape", mac: { server: { breakdown: "another shape" } }, sees: UNASKED },
  { name: "no breakdown", mac: { server: { breakdown: "none" } }, sees: UNASKED },
  { name: "a breakdown that is printed twice", mac: { server: { breakdown: "twice" } }, sees: READY },
  { name: "a breakdown that never comes", mac: { server: { breakdown: "never comes" } }, sees: UNASKED },

  // Builds of llama-server
  {
    name: "a build from before September 2025, whose --flash-attn takes no value",
    mac: { server: { flashAttention: "no value", version: "6300 (abcdef0)" } },
    refuses: /does not support --flash-attn on\|off: update llama\.cpp/,
  },
  {
    name: "a build that cannot be asked for its projection",
    mac: { server: { lacks: ["--fit", "--log-verbosity"] } },
    sees: UNASKED,
  },
  {
    name: "a build for which estimates do not hold",
    mac: { server: { version: "9400 (abcdef0)" } },
    sees: { state: "Ready" },
    says: [/build 9400.*9460/],
  },
  {
    name: "an upgrade while the model serves, to a build that the agent cannot hold to a budget",
    mac: {},
    happens: upgrade({ lacks: ["--load-mode", "--no-mmap"], version: "11500 (abcdef1)" }),
    seesAfter: WELL,
    problem: /nothing can be started: .*does not support --load-mode.*was replaced while the agent ran/,
  },

  // Memory
  {
    name: "a budget that the refusal names, with the peak of loading under the kernel's limit",
    mac: { taskpolicy: "enforced", server: { peakMs: 1500 } },
    budget: TOO_LITTLE,
    sees: REFUSED,
    happens: budgetAsNamed,
    seesAfter: { state: "Ready", restarts: 0 },
  },
  {
    name: "a budget that the refusal names, with a build that always holds tied embeddings twice",
    mac: { taskpolicy: "enforced", server: { lacks: ["--override-tensor"], peakMs: 1500 } },
    budget: TOO_LITTLE,
    sees: REFUSED,
    happens: budgetAsNamed,
    seesAfter: { state: "Ready", restarts: 0 },
  },
  {
    name: "a budget that is lowered below what the model uses",
    mac: {},
    happens: budgetOf("128Mi"),
    seesAfter: { state: "BackOff", message: /BudgetExceeded: .*budget 128\.0 MiB/ },
  },
  {
    name: "a server that grows over the kernel's limit between two looks",
    mac: { taskpolicy: "enforced" },
    happens: spike(1500),
    seesAfter: { state: "BackOff" },
    says: [
      /Ready/,
      // Where the machine is busy, a look falls into the growth all the same, and says for certain what the other guesses.
      /BackOff, BudgetExceeded: killed (?:\(SIGKILL\), most likely )?by the kernel at its limit of 1\.0 GiB \(taskpolicy -m\)/,
    ],
  },
  {
    name: "a server that grows for a moment where no kernel's limit is enforced",
    mac: {},
    // A little above the budget of 1 GiB: what is far above takes longer to fill than two samples are apart.
    happens: spike(800),
    seesAfter: WELL,
  },

  // The GPU
  {
    name: "a GPU fault while the server is Ready",
    mac: {},
    happens: gpuFault("ImpactingInteractivity"),
    seesAfter: STARTED_AGAIN,
    says: [/Ready/, /Draining, GpuFault: .*the display waited.*until a restart/, /Ready/],
  },
  {
    name: "a GPU that ran out of memory",
    mac: {},
    happens: gpuFault("OutOfMemory"),
    seesAfter: STARTED_AGAIN,
    says: [/Ready/, /GPU ran out of memory/, /Ready/],
  },
  {
    name: "a client whose grammar has the words of a GPU fault",
    mac: {},
    happens: forgedFault,
    seesAfter: { state: "Ready", restarts: 0, sameProcess: true },
  },

  // After a restart of the machine
  {
    name: "a restart after which the kernel has left a report of a panic",
    mac: {},
    happens: panics,
    seesAfter: { state: "HeldBack", message: /panicked .*report \S+\.panic.*pulumi-llmkube agent allow default\/chat/ },
  },
  {
    // It starts a minute later, when no report can come any more (test/agent/boot/).
    name: "a restart without a panic",
    mac: {},
    happens: reboots,
    seesAfter: { state: "Pending", message: /looking for a report of a panic/ },
  },

  // Disks
  {
    name: "an external disk that goes and comes while its model serves",
    mac: {},
    happens: diskGoesAndComes,
    seesAfter: WELL,
  },
];
