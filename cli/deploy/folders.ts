import { join } from "node:path";
import envPaths from "env-paths";

const { data } = envPaths("pulumi-llmkube", { suffix: "" });

/** What `deploy` keeps: its Pulumi project, the state of its stacks and their passphrase. */
export const DEPLOY_FOLDER = join(data, "deploy");
