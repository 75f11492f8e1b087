/**
 * Run as a process of its own: ensures a made-up tool whose build notes the process id of a grandchild in a file, sleeps,
 * and writes the tool. Prints the path, or the message of the error with exit code 1.
 */
import { join } from "node:path";
import { run } from "../../toolchain/build/site.ts";
import { ensure } from "../../toolchain/ensure.ts";
import { madeUpTool } from "./made-up-tool.ts";

const [cacheRoot = "", builds = "", seconds = "0"] = process.argv.slice(2);
try {
  const path = await ensure("made-up", madeUpTool(), {
    cacheRoot,
    env: {},
    heartbeatMs: 60_000,
    report: (line) => console.error(line),
    build: async (_, site) => {
      const program =
        'sleep "$2" & echo $! >>"$1"; wait $! && mkdir "$3" && printf "#!/bin/sh\\n" >"$3/made-up" && chmod +x "$3/made-up"';
      await run(site, "sh", ["-c", program, "sh", builds, seconds, join(site.output, "bin")]);
    },
  });
  console.log(path);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
