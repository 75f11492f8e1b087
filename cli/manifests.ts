import { Command, InvalidArgumentError } from "commander";
import type { ControllerFlags, NodeFlags } from "./manifests-print.ts";
import { typedPath } from "./typed-path.ts";

/** `pulumi-llmkube manifests`: what a cluster needs, as YAML for `kubectl apply -f -`. */
export function manifestsCommand(): Command {
  return new Command("manifests")
    .description("Print what a cluster needs for models on Macs, as YAML for kubectl apply -f -.")
    .addHelpText(
      "after",
      `
For a cluster, and then for each Mac:
  pulumi-llmkube manifests controller --image IMAGE | kubectl apply -f -
  pulumi-llmkube manifests node NAME | kubectl apply -f -`,
    )
    .addCommand(controller())
    .addCommand(node());
}

function controller(): Command {
  return new Command("controller")
    .description("Definitions, PriorityClasses, admission policies, rights, and the controller itself.")
    .option("--image <image>", "image of the controller (default: none, and no Deployment)", typedImage)
    .option("--namespace <name>", "namespace of the controller and of the identities of Macs", typedNamespace)
    .option("--replicas <number>", "controllers, of which one works and the others wait", typedReplicas, 1)
    .option("--no-crds", "leave out the CustomResourceDefinitions, where LLMKube has installed its own")
    .addHelpText("after", "\nIt changes nothing and asks no cluster. Exit codes: 0, and 2 for invalid input.")
    .action(async (flags: ControllerFlags) => (await import("./manifests-print.ts")).printController(flags));
}

function node(): Command {
  return new Command("node")
    .description("The identity of one Mac: a ServiceAccount that may be its Node and nothing else.")
    .argument("<name>", "name of the Mac's Node: a DNS name in lower case")
    .option("--namespace <name>", "namespace of the identity: that of the controller", typedNamespace)
    .option("--server <url>", "the API server as the Mac reaches it, such as https://10.0.0.1:6443", typedServer)
    .option("--certificate-authority <file>", "PEM file that its certificate is verified with", typedPath)
    .option("--ssh <destination>", "how ssh reaches the Mac (default: the name of its Node)", typedDestination)
    .addHelpText(
      "after",
      `
What to do next is in the YAML as comments; with --server the whole command that installs the agent.
It changes nothing and asks no cluster. Exit codes: 0, and 2 for invalid input.`,
    )
    .action(async (name: string, flags: NodeFlags) => (await import("./manifests-print.ts")).printNode(name, flags));
}

const LONGEST_LABEL = 63;
const MOST_REPLICAS = 9;

function typedNamespace(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text) && text.length <= LONGEST_LABEL) return text;
  throw new InvalidArgumentError(
    `It must be lower case letters, digits and -, start and end with a letter or digit, and have at most ${LONGEST_LABEL} characters.`,
  );
}

function typedServer(text: string): string {
  if (URL.canParse(text) && new URL(text).protocol === "https:" && !/[\s'"]/.test(text)) return text;
  throw new InvalidArgumentError("It must be an address such as https://10.0.0.1:6443.");
}

/** It becomes a word of a command for a shell. */
function typedDestination(text: string): string {
  if (/^[A-Za-z0-9_][\w.@:%-]*$/.test(text)) return text;
  throw new InvalidArgumentError("It must be a host or USER@HOST.");
}

function typedImage(text: string): string {
  if (/^[a-z0-9][\w.:/@-]*$/.test(text)) return text;
  throw new InvalidArgumentError("It must be a name such as registry.example/team/pulumi-llmkube:1.0.");
}

function typedReplicas(text: string): number {
  const replicas = Number(text);
  if (/^\d+$/.test(text) && replicas <= MOST_REPLICAS) return replicas;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${MOST_REPLICAS}.`);
}
