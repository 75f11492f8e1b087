import assert from "node:assert/strict";
import type { DeployFlags } from "../../../cli/deploy/flags.ts";
import { judge } from "../../../cli/deploy/request.ts";
import { inProcess } from "../../support/in-process.ts";

const GOOD: DeployFlags = { source: "hf://org/repo/m.gguf", timeout: "10m" };

function problems(flags: Partial<DeployFlags>, name = "gemma"): readonly string[] {
  const judged = judge(name, { ...GOOD, ...flags }, "/home/me/here");
  return judged.ok ? [] : judged.problems;
}

describe("the flags of deploy", () => {
  it("become arguments of LlmModel, and only those that were given", () => {
    const serving = {
      contextSize: "8192",
      parallel: "2",
      cacheTypeK: "q8_0",
      jinja: true,
      extraArgs: "--temp 0.7",
      idleUnload: "10m",
      alias: ["gpt-4o", "gemma:1b"],
      promptCache: "auto",
      savedSlots: "off",
    } as const;
    const judged = judge("gemma", { ...GOOD, memoryBudget: "24Gi", memoryFraction: ".5", gpu: true, ...serving });
    assert.ok(judged.ok);
    assert.deepEqual(judged.request.deployment, {
      name: "gemma",
      args: {
        source: "hf://org/repo/m.gguf",
        memoryBudget: "24Gi",
        memoryFraction: 0.5,
        accelerator: "metal",
        serving: {
          ...{ contextSize: 8192, parallelSlots: 2, jinja: true, cacheTypeK: "q8_0", extraArgs: ["--temp", "0.7"] },
          ...{ idleUnload: "10m", aliases: ["gpt-4o", "gemma:1b"], promptCache: "auto", savedSlots: "off" },
        },
      },
    });
    assert.equal(judged.request.timeoutMs, 600_000);
  });

  it("take a path from the folder of the shell, and leave addresses alone", () => {
    const source = (text: string) => {
      const judged = judge("gemma", { ...GOOD, source: text }, "/home/me/here");
      return judged.ok && judged.request.deployment.args.source;
    };
    assert.equal(source("./m.gguf"), "/home/me/here/m.gguf");
    assert.equal(source("/abs/m.gguf"), "/abs/m.gguf");
    assert.equal(source("https://host/m.gguf"), "https://host/m.gguf");
  });

  const bad: readonly (readonly [flags: Partial<DeployFlags>, says: RegExp])[] = [
    [{ memoryBudget: "24GB" }, /^--memory-budget is "24GB"; it must be a quantity of bytes/],
    [{ memoryFraction: "2" }, /^--memory-fraction is 2; it must be a number above 0 and at most 1/],
    [{ memoryFraction: "half" }, /^--memory-fraction is "half"; it must be a number above 0/],
    [{ hostMemory: "16GB" }, /^--host-memory "16GB" is not a quantity/],
    [{ hostMemory: "0" }, /^--host-memory is "0"; it must be above 0/],
    [{ contextSize: "12" }, /^--context-size is 12; it must be a whole number from 128 to 2097152/],
    [{ contextSize: "8k" }, /^--context-size is "8k"; it must be a whole number/],
    [{ parallel: "65" }, /^--parallel is 65; it must be a whole number from 1 to 64/],
    [{ port: "99999" }, /^--port is 99999; it must be a whole number from 1 to 65535/],
    [{ cacheTypeK: "q9" }, /^--cache-type-k is "q9"; it must be one of f16/],
    [{ priority: "urgent" }, /^--priority is "urgent"; it must be one of/],
    [{ accelerator: "tpu" }, /^--accelerator is "tpu"; it must be one of/],
    [{ gpu: true, accelerator: "cpu" }, /^--gpu and --accelerator cpu exclude each other/],
    [{ sha256: "abc" }, /^--sha256 is "abc"/],
    [{ namespace: "My Space" }, /^--namespace is "My Space"/],
    [{ source: "" }, /^--source /],
    [{ timeout: "soon" }, /^--timeout is "soon"; it must be a duration above 0/],
    [{ emit: "rb" }, /^--emit is "rb"; it must be one of ts, py, yaml, manifests/],
    [{ emit: "ts", wait: true }, /^--wait and --emit exclude each other/],
    [{ preview: true, wait: true }, /^--wait and --preview exclude each other/],
    [{ cluster: true, manifests: "/m" }, /^--manifests and --cluster exclude each other/],
    [{ kubeconfig: "/k" }, /^--kubeconfig needs --cluster/],
    [{ context: "home" }, /^--context needs --cluster/],
    [{ context: "8192" }, /for the context window write --context-size 8192/],
    [
      { idleUnload: "10" },
      /^--idle-unload: "10" is no idle time: write a duration from 1s to 24h such as 10m, or never$/,
    ],
    [{ alias: ["a", "b,c"] }, /^--alias: "b,c" is no alias: write 1 to 128 letters, digits and/],
    [{ savedSlots: "no" }, /^--saved-slots: "no" does not say whether conversations are saved: write auto or off$/],
    [{ promptCache: "2GB" }, /^--prompt-cache: "2GB" is no prompt cache: write auto, off, or a quantity/],
    [{ extraArgs: "--host 0.0.0.0" }, /--extra-args/],
    [{ ubatchSize: "4096", batchSize: "512" }, /^--ubatch-size is 4096, more than --batch-size, which is 512/],
  ];
  for (const [flags, says] of bad) {
    it(`are refused: ${JSON.stringify(flags)}`, () => {
      const [first = "", ...more] = problems(flags);
      assert.match(first, says);
      assert.deepEqual(more, []);
    });
  }

  it("are all judged at once, in one answer, before anything runs", async () => {
    const flags = [
      "--memory-budget",
      "24GB",
      "--port",
      "0",
      "--timeout",
      "x",
      "--emit",
      "ts",
      "--alias",
      "a",
      "--alias",
      "?",
    ];
    const { stdout, stderr, exitCode } = await inProcess("deploy", "Bad_Name", "--source", "m.gguf", ...flags);
    assert.equal(exitCode, 2);
    assert.equal(stdout, "");
    const starts = stderr.split("\n").map((line) => /^pulumi-llmkube: (\S+)/.exec(line)?.[1]);
    assert.deepEqual(starts.sort(), ["--alias:", "--memory-budget", "--port", "--timeout", "NAME"]);
  });
});
