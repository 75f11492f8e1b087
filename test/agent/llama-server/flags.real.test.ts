import assert from "node:assert/strict";
import { execa } from "execa";
import getPort from "get-port";
import { missingOptions, placesTable, projectionFlags, serverFlags } from "../../../agent/llama-server/flags.ts";
import { readSupportedFlags, usableFlags } from "../../../agent/llama-server/supported-flags.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { fields } from "../samples.ts";

describe("the flags of the real llama-server", () => {
  it("refuses a binary that cannot be held to a budget", async () => {
    const help = await execa(await ensureTool("llama-server"), ["--help"]);
    const without = (text: string) => usableFlags("/bin/llama-server", help.stdout.replaceAll(text, "--gone"));
    assert.equal(without("--no-repack").ok, true);
    const blind = without("--ctx-size");
    assert(!blind.ok);
    assert.match(blind.error, /^\/bin\/llama-server does not support --ctx-size: update llama\.cpp/);
    const old = usableFlags("/bin/llama-server", help.stdout.replace("--flash-attn [on|off|auto]", "--flash-attn"));
    assert(!old.ok);
    assert.match(old.error, /does not support --flash-attn on\|off/);
  }).timeout(60_000);

  it("uses only flags that the real binary has, and knows all it asks for", async () => {
    const found = await readSupportedFlags(await ensureTool("llama-server"));
    assert(found.ok);
    const all = {
      ...fields,
      mode: "rerank" as const,
      jinja: false,
      noWarmup: true,
      reasoningBudget: 1,
      reasoningBudgetMessage: "m",
    };
    assert.deepEqual(missingOptions(all, found.value), []);
    assert(placesTable({ ...all, deviceName: "MTL0" }, found.value));
    const flags = [all, { ...all, mode: "embedding", jinja: true } as const].flatMap((one) =>
      serverFlags(one, { model: "/m" }, found.value).filter((arg) => arg.startsWith("--")),
    );
    assert.deepEqual(
      flags.filter((flag) => !found.value.has(flag)),
      [],
    );
    for (const flag of ["--load-mode", "--cache-ram", "--ctx-checkpoints", "--fit", "--lazy-mode"])
      assert(flags.includes(flag), flag);
  }).timeout(60_000);

  it("takes a placement of the token table for both uses of a tied one, and still prints its breakdown", async () => {
    const model = await ensureTool("gemma3-270m");
    const found = await readSupportedFlags(await ensureTool("llama-server"));
    assert(found.ok);
    // The only buffer that a build for the CPU has, in the place of the GPU's.
    const served = { ...fields, deviceName: "MTL0", port: await getPort() };
    const flags = projectionFlags(served, { model, tableForGpu: true }, found.value)?.map((flag) =>
      flag.replace(/=MTL0$/, "=CPU").replace(/^q8_0$/, "f16"),
    );
    assert(flags !== undefined);
    const server = execa(await ensureTool("llama-server"), [...flags, "--log-verbosity", "5"], {
      all: true,
      reject: false,
      forceKillAfterDelay: 1000,
    });
    let log = "";
    for await (const line of server.iterable({ from: "all" })) {
      log += `${line}\n`;
      if (/memory breakdown/.test(line)) server.kill("SIGKILL");
    }
    await server;
    const projection = log.slice(0, log.indexOf("memory breakdown"));
    assert.equal(projection.match(/tensor token_embd\.weight .* buffer type overridden to CPU/g)?.length, 2);
  }).timeout(60_000);
});
