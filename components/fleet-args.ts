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

/** A Mac that joins the cluster as a node. */
export interface LlmNodeArgs {
  /** Address of the API server as the Mac reaches it, for example https://10.0.0.1:6443. */
  server: pulumi.Input<string>;

  /**
   * Certificate of the authority that signed the certificate of the API server, in PEM. Without it the authorities that
   * Node.js knows are trusted.
   */
  certificateAuthority?: pulumi.Input<string>;

  /**
   * Name of the Mac's node: a DNS name in lower case of at most 63 characters. Defaults to the name of the component.
   * @default name of the component
   */
  nodeName?: string;

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
