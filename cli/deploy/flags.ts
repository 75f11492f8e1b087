import { type Command, Option } from "commander";
import { typedPath } from "../typed-path.ts";

/** Forms of the program, or of the manifests, that `--emit` prints. */
export const EMITTED = ["ts", "py", "yaml", "manifests"] as const;
export type Emitted = (typeof EMITTED)[number];

/** Where a model is deployed to. */
export interface TargetFlags {
  readonly manifests?: string;
  readonly cluster?: true;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** How a command that changes something behaves. */
export interface MannerFlags {
  readonly yes?: true;
  readonly json?: true;
}

/** As a person typed them: they are judged together, so that every fault is said at once. */
export interface DeployFlags extends TargetFlags, MannerFlags {
  readonly source: string;
  readonly sha256?: string;
  readonly quantization?: string;
  readonly memoryBudget?: string;
  readonly memoryFraction?: string;
  readonly hostMemory?: string;
  readonly accelerator?: string;
  readonly gpu?: true;
  readonly gpuLayers?: string;
  readonly contextSize?: string;
  readonly parallel?: string;
  readonly flashAttn?: true;
  readonly jinja?: true;
  readonly cacheTypeK?: string;
  readonly cacheTypeV?: string;
  readonly batchSize?: string;
  readonly ubatchSize?: string;
  readonly replicas?: string;
  readonly priority?: string;
  readonly port?: string;
  readonly extraArgs?: string;
  readonly idleUnload?: string;
  readonly alias?: readonly string[];
  readonly promptCache?: string;
  readonly savedSlots?: string;
  readonly namespace?: string;
  readonly preview?: true;
  readonly wait?: true;
  readonly timeout: string;
  readonly state?: string;
  readonly emit?: string;
}

export interface ListFlags {
  readonly json?: true;
}

export interface DestroyFlags extends TargetFlags, MannerFlags {
  readonly preview?: true;
}

export function withDeployOptions(command: Command): Command {
  return withRunOptions(withTargetOptions(withServingOptions(withModelOptions(command))));
}

function withModelOptions(command: Command): Command {
  return command
    .requiredOption("-s, --source <source>", "weights: a path, file://, https:// or hf://org/repo/file.gguf")
    .option("--sha256 <digits>", "SHA-256 of the weights, in 64 hexadecimal digits")
    .option("-q, --quantization <name>", "quantization of the weights, for information only")
    .option("--memory-budget <quantity>", "most memory that the model may use, for example 24Gi")
    .option(
      "--memory-fraction <share>",
      "the same as a share of the Mac's memory, above 0 and at most 1; --memory-budget wins",
    )
    .option(
      "--host-memory <quantity>",
      "memory of the Mac that the policies check against (default: that of this machine)",
    )
    .option(
      "--accelerator <name>",
      "hardware of the model (default: metal, or cpu where this machine that serves it is no Mac)",
    )
    .option("--gpu", "the same as --accelerator metal")
    .option("--gpu-layers <number>", "layers on the GPU; -1 is all (default: -1)");
}

function withServingOptions(command: Command): Command {
  return command
    .option("--context-size <tokens>", "context window, which all slots share (default: 2048)")
    .option("--parallel <slots>", "requests that are answered at the same time (default: 1)")
    .option("--flash-attn", "use flash attention (the default)")
    .option("--jinja", "use the chat template of the model, which tool calls need")
    .option("--cache-type-k <type>", "quantization of the keys in the KV cache (default: f16)")
    .option("--cache-type-v <type>", "quantization of the values in the KV cache (default: f16)")
    .option("--batch-size <tokens>", "logical batch size (default: 2048)")
    .option("--ubatch-size <tokens>", "physical batch size (default: 512)")
    .option("-r, --replicas <number>", "servers, each on a different Mac (default: 1)")
    .option("--priority <name>", "critical, high, normal, low or batch (default: normal)")
    .option("--port <port>", "port of the service (default: 8080, or the next that none of your deployments has)")
    .option("--extra-args <arguments>", "further arguments for llama-server, in one word with spaces")
    .option(
      "--idle-unload <duration>",
      "time without a request after which it leaves memory, or never (default: the agent's)",
    )
    .option(
      "--alias <name>",
      "further name for clients of the gateway; may be given again",
      (name, names: readonly string[] = []) => [...names, name],
    )
    .option("--prompt-cache <size>", "memory for prompts that were read: auto, off or a quantity (default: off)")
    .option(
      "--saved-slots <auto|off>",
      "whether the agent may keep conversations on disk (default: auto, as the agent does)",
    )
    .option("-n, --namespace <name>", "namespace of the Kubernetes objects (default: default)");
}

/** Where to; `destroy` has them too. */
export function withTargetOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--manifests <dir>",
        "folder of manifests that an agent reads (default: the one that agent reads by default)",
      )
        .argParser(typedPath)
        .conflicts("cluster"),
    )
    .option("--cluster", "deploy to a cluster instead: that of the kubeconfig's current context")
    .option("--kubeconfig <file>", "with --cluster: the kubeconfig (default: KUBECONFIG, or ~/.kube/config)", typedPath)
    .option("--context <name>", "with --cluster: context of the kubeconfig (default: its current-context)");
}

export function withMannerOptions(command: Command): Command {
  return command
    .option("-y, --yes", "ask nothing")
    .option("--json", "print the result as JSON, and everything else on standard error");
}

function withRunOptions(command: Command): Command {
  return withMannerOptions(command)
    .option("--preview", "show what would change, and change nothing")
    .option("-w, --wait", "wait until the agent says that the model is Ready")
    .option("--timeout <duration>", "with --wait: how long, for example 90s or 10m", "10m")
    .option("--state <dir>", "with --wait: state folder of the agent, where it has one of its own", typedPath)
    .option("--emit <form>", `print the Pulumi program instead (ts, py, yaml), or the plain manifests (manifests)`);
}
