import type * as pulumi from "@pulumi/pulumi";

// Pulumi infers the schema for other languages from these interfaces and their comments. It understands no unions, no
// inline objects and no links.

/** The controller of a fleet of Macs, and what a cluster needs before the first Mac joins. */
export interface LlmControllerArgs {
  /**
   * Image of the controller, built from the Dockerfile of the package. Without it there is no Deployment; the controller
   * then runs elsewhere, with a token of its ServiceAccount.
   */
  image?: pulumi.Input<string>;

  /**
   * Namespace of the controller and of the identities of the Macs. It is created. Defaults to pulumi-llmkube.
   * @default pulumi-llmkube
   */
  namespace?: pulumi.Input<string>;

  /**
   * Number of controllers, from 0 to 9, of which one works and the others wait to take over. Defaults to 1.
   * @default 1
   */
  replicas?: pulumi.Input<number>;

  /**
   * Whether the CustomResourceDefinitions are created. Not where LLMKube has installed its own. Destroying them removes
   * every Model and InferenceService of the cluster. Defaults to true.
   * @default true
   */
  customResourceDefinitions?: boolean;
}

/** A Mac: its memory, for policies that place models on it, and its identity, if it joins a cluster as a node. */
export interface LlmNodeArgs {
  /**
   * Name of the Mac's node: a DNS name in lower case of at most 63 characters. Defaults to the name of the component.
   * @default name of the component
   */
  nodeName?: string;

  /**
   * Physical memory of the Mac: a Kubernetes quantity of bytes, for example 128Gi. Without it policies do not count on
   * the Mac.
   */
  memory?: pulumi.Input<string>;

  /**
   * The share of the memory that all models together may use, above 0 and at most 1: the option memory-fraction of the
   * Mac's agent. Defaults to 0.67 on a Mac with up to 36 GiB of memory, and to 0.75 on a larger one.
   */
  memoryFraction?: pulumi.Input<number>;

  /**
   * What stays with macOS and other programs: a Kubernetes quantity of at least 1Gi, the option reserve of the Mac's
   * agent. Defaults to 4Gi.
   * @default 4Gi
   */
  reserve?: pulumi.Input<string>;

  /**
   * The working set that Metal recommends on this Mac: a Kubernetes quantity of bytes. The command llama-server
   * --list-devices prints it, for example 110100Mi. Models never get more. Without it, and without memoryFraction, the
   * least that was seen on such a Mac counts.
   */
  workingSet?: pulumi.Input<string>;

  /** Labels of the Mac, as its agent puts them on the node. Policies match the node selectors of services with them. */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /** Host name or IP address at which the Mac is reached. Output only. */
  address?: pulumi.Input<string>;

  /**
   * Address of the API server as the Mac reaches it, for example https://10.0.0.1:6443. With it the Mac gets an identity
   * in the cluster; the arguments that follow belong to it. Without it nothing is created.
   */
  server?: pulumi.Input<string>;

  /**
   * Certificate of the authority that signed the certificate of the API server, in PEM. Without it the authorities that
   * Node.js knows are trusted.
   */
  certificateAuthority?: pulumi.Input<string>;

  /**
   * Namespace of the identity: the output namespace of LlmController. Defaults to pulumi-llmkube.
   * @default pulumi-llmkube
   */
  namespace?: pulumi.Input<string>;

  /**
   * How ssh reaches the Mac in the output installCommand, for example admin@10.0.0.7. Defaults to nodeName.
   * @default nodeName
   */
  sshDestination?: pulumi.Input<string>;

  /**
   * A token of the Mac's ServiceAccount, for the output kubeconfig. Without it the kubeconfig names the file that
   * installCommand writes the token to, so that no token is kept in the state of the stack.
   */
  token?: pulumi.Input<string>;

  /**
   * User of the Mac that the agent runs as in the output launchdPlist. Defaults to llm.
   * @default llm
   */
  user?: pulumi.Input<string>;

  /**
   * Home folder of that user. Defaults to /Users/USER.
   * @default /Users/USER
   */
  home?: pulumi.Input<string>;

  /**
   * Folder of bin and lib where Node.js, pulumi-llmkube and llama-server are installed. Defaults to /opt/homebrew.
   * @default /opt/homebrew
   */
  prefix?: pulumi.Input<string>;
}
