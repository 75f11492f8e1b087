import { main } from "../../cli/main.ts";

/** The command line from source, as bin/pulumi-llmkube.js runs it from dist. */
await main(process.argv);
