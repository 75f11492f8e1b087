/**
 * Runs the command line as root on a Mac whose commands are stood in for: `node on-stand-in-mac.ts PATHS ARGUMENTS`, where PATHS is the
 * part of the table of `MAC` that is replaced, as JSON.
 */
import { MAC } from "../../../agent/host/darwin/mac-paths.ts";

const [paths = "", ...args] = process.argv.slice(2);
Object.assign(MAC, JSON.parse(paths));
Object.defineProperty(process, "platform", { value: "darwin" });
process.getuid = () => 0;
// Imported now, so that all of it sees this Mac.
const { main } = await import("../../../cli/main.ts");
await main([process.execPath, "pulumi-llmkube", ...args]);
