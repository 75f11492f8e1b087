#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

const OLDEST_NODE = [22, 19];

// Before anything else is imported: what an older Node says of our imports is a riddle.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  console.error(`pulumi-llmkube: it needs Node.js ${OLDEST_NODE.join(".")} or newer; this is ${process.versions.node}`);
  process.exit(2);
}
// Without a listener Node.js opens its debugger at this signal, and whoever reaches it runs what he likes in this process.
process.on("SIGUSR1", () => {});
// What an agent does each second is little: it works as fast without the two optimizing compilers, and holds 10 MiB less. Neither does
// the space for new objects grow from 1 MiB to 16, which is 10 MiB more. Flags of the command line would say the same. Through a gateway all
// tokens pass: without the compilers each takes half as long again.
const SMALL = ["--semi-space-growth-factor=1"];
const UNCOMPILED = ["--optimize-for-size", "--no-maglev", "--no-turbofan"];
const isGateway = process.argv.some((arg) => arg === "--gateway" || arg.startsWith("--gateway="));
const flags = isGateway ? SMALL : [...SMALL, ...UNCOMPILED];
if (process.argv[2] === "agent") for (const flag of flags) setFlagsFromString(flag);
const { enlargeThreadPool } = await import("../dist/agent/lifecycle/thread-pool.js");
// Before the first file operation, which would fix its size.
if (process.argv[2] === "agent") enlargeThreadPool();
const { main } = await import("../dist/cli/main.js");
await main(process.argv);
const { endInTime } = await import("../dist/agent/lifecycle/end-process.js");
endInTime();
