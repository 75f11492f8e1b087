import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspectHost } from "../../../agent/main/startup.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { thisPlatform } from "../this-platform.ts";

const OPTIONS = [
  ...["--model", "--host", "--port", "--ctx-size", "--parallel", "--cache-type-k", "--cache-type-v", "--batch-size"],
  ...["--ubatch-size", "--n-gpu-layers", "--device", "--load-mode", "--flash-attn [on|off]", "--list-devices"],
];
const GPU = "  MTL0: Apple M1 (11453 MiB, 11453 MiB free)";

/** A llama-server as a shell script: what it does when it is asked for its options, and for its devices. */
interface Asked {
  readonly help: string;
  readonly devices?: string;
}
const helps = (options: readonly string[]) => options.map((option) => `echo '${option}'`).join("; ");

describe("the llama-server of a Mac, before the agent starts", () => {
  const inspected = async ({ help, devices = "exit 9" }: Asked) => {
    const llamaServer = join(await temporaryDirectory(), "llama-server");
    await writeFile(llamaServer, `#!/bin/sh\ncase $1 in --help) ${help};; --list-devices) ${devices};; esac\n`);
    await chmod(llamaServer, 0o755);
    const platform = await thisPlatform();
    assert(platform.ok);
    return inspectHost({ llamaServer }, { ...platform.value, backend: "metal" });
  };

  it("is one whose GPU has a name and a working set", async () => {
    const host = await inspected({ help: helps(OPTIONS), devices: `echo "${GPU}"` });
    assert(host.ok, host.ok ? "" : host.error);
    const { deviceName, workingSetBytes } = host.value.facts;
    assert.deepEqual([deviceName, workingSetBytes], ["MTL0", 11453 * 2 ** 20]);
  });

  const refused: readonly (readonly [what: string, asked: Asked, says: RegExp])[] = [
    ["is another program", { help: "echo usage: node" }, /is not llama-server: name the right binary/],
    [
      "is too old to list its devices",
      { help: helps(OPTIONS.filter((option) => option !== "--list-devices")) },
      /does not support --list-devices: update llama\.cpp/,
    ],
    [
      "is too old for several reasons",
      { help: helps(OPTIONS.filter((option) => !/flash|list/.test(option))) },
      /does not support --flash-attn on\|off: update llama\.cpp/,
    ],
    ["fails", { help: "echo no >&2; exit 3" }, /--help failed \(3\): "no": install llama\.cpp \(brew install/],
    [
      "does not find its libraries",
      { help: "echo 'dyld[7]: Library not loaded: libggml.dylib' >&2; exit 134" },
      /cannot load its libraries .*libggml\.dylib.*brew upgrade ggml llama\.cpp/,
    ],
    ["fails when it is asked for its devices", { help: helps(OPTIONS) }, /--list-devices failed \(9\)$/],
    [
      "has no GPU",
      { help: helps(OPTIONS), devices: 'echo "  BLAS: Accelerate (0 MiB, 0 MiB free)"' },
      /lists no Metal device \(MTL0, or Metal in builds.*install a llama-server that is built with Metal/,
    ],
  ];
  for (const [what, asked, says] of refused) {
    it(`${what}: is refused with one sentence`, async () => {
      const host = await inspected(asked);
      assert(!host.ok);
      assert.match(host.error, says);
      assert.equal(host.error.includes("\n"), false);
    });
  }
});
