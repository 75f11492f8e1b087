import { homedir } from "node:os";
import { resolve } from "node:path";
import { parseDuration } from "../../api/duration.ts";
import { explain, nearest, shown } from "../../api/explain.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { type Path, pathText } from "../../api/schema-walk.ts";
import { llmModelArgsSchema } from "../../components/model/args-schema.ts";
import { problemOfModel } from "../../components/model/model-problem.ts";
import { type KnownSettings, onDemandFaults } from "../../components/model/on-demand.ts";
import { withHome } from "../typed-path.ts";
import type { DeployedArgs, Deployment } from "./deployment.ts";
import { FLAG_OF, inFlags } from "./flag-names.ts";
import { type DeployFlags, EMITTED, type Emitted } from "./flags.ts";

/** What `deploy` was asked for, after every flag was judged. */
export interface Request {
  readonly deployment: Deployment;
  /** A Kubernetes quantity; undefined: the memory of this machine. */
  readonly hostMemory: string | undefined;
  readonly timeoutMs: number;
  readonly emit: Emitted | undefined;
}

export type Judged =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Judges NAME and all flags together: every fault is a sentence of its own, which names the flag. */
export function judge(name: string, flags: DeployFlags, folder: string = process.cwd()): Judged {
  const args = argsOf(flags, folder);
  const problems = [...ownProblems(flags), ...argumentProblems(name, args)];
  if (problems.length > 0) return { ok: false, problems };
  // The schema has found the values to be of the right types.
  const deployment = { name, args: args as unknown as DeployedArgs };
  const timeoutMs = parseDuration(flags.timeout) ?? 0;
  const emit = EMITTED.find((form) => form === flags.emit);
  return { ok: true, request: { deployment, hostMemory: flags.hostMemory, timeoutMs, emit } };
}

/** The flags as arguments of `LlmModel`, not judged yet. The accelerator and the port are chosen with the target. */
function argsOf(flags: DeployFlags, folder: string): Record<string, unknown> {
  const { accelerator = flags.gpu ? "metal" : undefined } = flags;
  const serving = given({
    contextSize: numeric(flags.contextSize),
    parallelSlots: numeric(flags.parallel),
    flashAttention: flags.flashAttn,
    jinja: flags.jinja,
    cacheTypeK: flags.cacheTypeK,
    cacheTypeV: flags.cacheTypeV,
    batchSize: numeric(flags.batchSize),
    uBatchSize: numeric(flags.ubatchSize),
    replicas: numeric(flags.replicas),
    priority: flags.priority,
    port: numeric(flags.port),
    extraArgs: flags.extraArgs?.split(/\s+/).filter((word) => word !== ""),
    idleUnload: flags.idleUnload,
    aliases: flags.alias,
    promptCache: flags.promptCache,
    savedSlots: flags.savedSlots,
  });
  return given({
    source: sourceOf(flags.source, folder),
    sha256: flags.sha256,
    quantization: flags.quantization,
    memoryBudget: flags.memoryBudget,
    memoryFraction: numeric(flags.memoryFraction),
    accelerator,
    gpuLayers: numeric(flags.gpuLayers),
    namespace: flags.namespace,
    serving,
  });
}

function given(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Text that is no number stays as it is, so that it is shown as it was typed. */
function numeric(text: string | undefined): number | string | undefined {
  return text !== undefined && /^-?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : text;
}

/** A path becomes absolute, as the agent and the policies run in folders of their own. */
function sourceOf(text: string, folder: string): string {
  if (text === "" || /^[a-z0-9]+:\/\//i.test(text)) return text;
  return resolve(folder, withHome(text, homedir()));
}

function ownProblems(flags: DeployFlags): readonly string[] {
  return [
    hostMemoryProblem(flags),
    durationProblem(flags),
    emitProblem(flags),
    ...targetProblems(flags),
    conflict(flags),
  ].flatMap((problem) => problem ?? []);
}

function hostMemoryProblem({ hostMemory }: DeployFlags): string | undefined {
  if (hostMemory === undefined) return undefined;
  const bytes = parseQuantity(hostMemory);
  if (!bytes.ok) return `--host-memory ${bytes.error}`;
  return bytes.value > 0n ? undefined : `--host-memory is ${shown(hostMemory)}; it must be above 0, for example 16Gi`;
}

function durationProblem({ timeout }: DeployFlags): string | undefined {
  if (parseDuration(timeout) !== undefined) return undefined;
  return `--timeout is ${shown(timeout)}; it must be a duration above 0, for example 90s, 10m or 1h`;
}

function emitProblem({ emit }: DeployFlags): string | undefined {
  if (emit === undefined || EMITTED.some((form) => form === emit)) return undefined;
  const meant = nearest(emit, EMITTED);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  return `--emit is ${shown(emit)}; it must be one of ${EMITTED.join(", ")}${hint}`;
}

function targetProblems({ cluster, kubeconfig, context, manifests }: DeployFlags): readonly string[] {
  if (cluster) {
    return manifests === undefined ? [] : ["--manifests and --cluster exclude each other: a model has one target"];
  }
  const window = context !== undefined && /^\d+$/.test(context);
  return [
    ...(kubeconfig === undefined ? [] : ["--kubeconfig needs --cluster: without it manifests are written to a folder"]),
    ...(context === undefined
      ? []
      : [
          window
            ? `--context names a context of the kubeconfig, with --cluster; for the context window write --context-size ${context}`
            : "--context needs --cluster: it names a context of the kubeconfig",
        ]),
  ];
}

function conflict({ gpu, accelerator, preview, emit, wait }: DeployFlags): string | undefined {
  if (gpu && accelerator === "cpu") return "--gpu and --accelerator cpu exclude each other";
  if (wait && (preview || emit !== undefined)) {
    return `--wait and ${preview ? "--preview" : "--emit"} exclude each other: nothing is started that could become Ready`;
  }
  return undefined;
}

/** Faults of single arguments, each by itself; where there are none, what the component finds across them. */
function argumentProblems(name: string, args: Record<string, unknown>): readonly string[] {
  const known = { ...args, name };
  const issues = llmModelArgsSchema.safeParse(known).error?.issues ?? [];
  const byField = new Map(issues.map((issue) => [fieldOf(issue.path), issue]));
  const single = [...byField].map(([field, issue]) =>
    inFlags(explain(llmModelArgsSchema, known, [issue]).replace(pathText(issue.path), FLAG_OF[field] ?? field)),
  );
  // From flags they are text, whatever it says.
  const onDemand = [...onDemandFaults(args["serving"] as KnownSettings)].map(
    ([setting, fault]) => `${FLAG_OF[`serving.${setting}`]}: ${fault}`,
  );
  if (single.length + onDemand.length > 0) return [...single, ...onDemand];
  const across = problemOfModel(known, new Set());
  return across === undefined ? [] : [inFlags(across)];
}

/** One fault a field, whatever item of a list has it. */
function fieldOf(path: Path): string {
  return path[0] === "serving" ? path.slice(0, 2).map(String).join(".") : String(path[0]);
}
