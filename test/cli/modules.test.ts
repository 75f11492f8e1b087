import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa, type Options } from "execa";
import getPort from "get-port";
import { standIn } from "../agent/stand-in.ts";
import { gemmaFile } from "../support/gemma-header.ts";
import { modelManifest, serviceManifest } from "../support/manifests.ts";
import { CLI } from "../support/run-cli.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const HOOK = pathToFileURL(join(import.meta.dirname, "../support/list-modules.ts")).href;
const ROOT = pathToFileURL(join(import.meta.dirname, "../..")).href;

/** What a command imports. Asserted instead of a time, which would depend on the machine. */
describe("what the command line loads", function () {
  this.timeout(60_000);
  let list: string;
  beforeEach(async () => {
    list = join(await temporaryDirectory(), "modules");
  });
  const node = (args: readonly string[]) => ["--import", HOOK, CLI, ...args];
  const options = (): Options => ({ env: { LIST_MODULES: list }, reject: false });
  const loaded = async () => {
    const urls = (await readFile(list, "utf8")).split("\n");
    const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    const own = urls.filter((url) => url.startsWith(`${ROOT}/`) && !url.includes("/node_modules/"));
    const files = own.map((url) => url.slice(ROOT.length + 1)).filter((file) => !file.startsWith("test/"));
    return { packages: [...new Set(packages)].sort(), files };
  };

  const LIGHT = ["commander", "env-paths", "is-safe-filename", "pretty-bytes"];
  const commands = [
    [],
    ["estimate"],
    ["agent"],
    ["agent", "install"],
    ["agent", "allow"],
    ["agent", "dump"],
    ["controller"],
    ["status"],
    ["logs"],
    ["try"],
    ["doctor"],
    ["deploy"],
    ["list"],
    ["destroy"],
    ["plan"],
    ["hosts"],
    ["hosts", "export"],
    ["manifests"],
    ["manifests", "controller"],
    ["manifests", "node"],
  ];
  for (const args of [["--version"], ...commands.map((command) => [...command, "--help"])]) {
    it(`${args.join(" ")}: the definitions of the commands, and none of their work`, async () => {
      const { exitCode } = await execa(process.execPath, node(args), options());
      assert.equal(exitCode, 0);
      const { packages, files } = await loaded();
      assert.deepEqual(packages, LIGHT);
      assert.ok(files.includes("cli/main.ts"));
      // One a command, and what they share.
      assert.ok(files.length < commands.length + 11, files.join(" "));
    });
  }

  it("estimate of a file: nothing for HTTP", async () => {
    const { exitCode, stdout } = await execa(process.execPath, node(["estimate", await gemmaFile()]), options());
    assert.equal(exitCode, 0, String(stdout));
    const { packages, files } = await loaded();
    assert.ok(files.includes("gguf/read.ts"));
    assert.ok(!packages.includes("undici"), packages.join(" "));
  });

  it("agent --listen off --json: no metrics, no log for people, no HTTP client, nothing of clusters or other commands, no Pulumi", async () => {
    const folder = await temporaryDirectory();
    const port = await getPort();
    const source = await writeSynthetic(readTruth(), "lfm2-1.2b", folder);
    const documents = [modelManifest({ source }), serviceManifest({ endpoint: { port }, contextSize: 512 })];
    await writeFile(join(folder, "chat.yaml"), documents.map((one) => JSON.stringify(one)).join("\n---\n"));
    const folders = ["--manifests", folder, "--state", join(folder, "state"), "--models", join(folder, "models")];
    const flags = [...folders, "--llama-server", await standIn("well"), "--listen", "off", "--json"];
    const agent = execa(process.execPath, node(["agent", ...flags]), { ...options(), buffer: false });
    agent.stdout?.on("data", (text) => {
      if (String(text).includes('"state":"Ready"')) agent.kill("SIGTERM");
    });
    assert.equal((await agent).exitCode, 0);
    const { packages, files } = await loaded();
    assert.ok(packages.includes("pino") && files.includes("agent/main/run.ts"));
    const idle = /^(@prometheus-io|@opentelemetry|@pulumi|@grpc)\/|^(prom-client|pino-pretty|plist|cli-table3|undici)$/;
    assert.deepEqual(
      packages.filter((name) => idle.test(name)),
      [],
    );
    assert.deepEqual(
      files.filter((file) =>
        /^(components|policies|kube)\/|^agent\/(cluster|cluster-api)\.ts$|^agent\/(node|pods|kubelet-api|sources\/pods)\/|^agent\/http\/(server|metrics|page)\.ts$/.test(
          file,
        ),
      ),
      [],
    );
  });
});
