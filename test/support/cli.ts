import { endInTime } from "../../agent/lifecycle/end-process.ts";
import { enlargeThreadPool } from "../../agent/lifecycle/thread-pool.ts";
import { main } from "../../cli/main.ts";

/** The command line from source, as bin/pulumi-llmkube.js runs it from dist. */
if (process.argv[2] === "agent") enlargeThreadPool();
await main(process.argv);
endInTime();
