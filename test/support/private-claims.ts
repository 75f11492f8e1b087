import { join } from "node:path";
import { temporaryDirectory } from "./workspace.ts";

// Agents that tests start neither count nor disturb the agents of this machine; child processes inherit this.
process.env["PULUMI_LLMKUBE_CLAIMS"] = join(await temporaryDirectory(), "claims");
