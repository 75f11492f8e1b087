import { join } from "node:path";
import envPaths from "env-paths";

const { data } = envPaths("pulumi-llmkube", { suffix: "" });

/** The default folder for downloaded models, shared by all agents of this user. */
export const DEFAULT_MODELS = join(data, "models");

/** The folder that holds the default state folders of all agents. */
export const AGENTS = join(data, "agents");

/** The folder of manifests that the agent reads where neither it nor a cluster is named, and that `deploy` writes. */
export const DEFAULT_MANIFESTS = join(data, "manifests");
