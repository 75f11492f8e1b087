import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  installKubernetes,
  kubernetesInstalled,
  officialLanguageHost,
  serves,
} from "../../toolchain/pulumi-plugins.ts";
import { isStandIn, placeBinary, writeWrapper } from "../../toolchain/standins/wrapper.ts";

describe("choice between official plugins and stand-ins", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-plugins-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function script(path: string, text: string): Promise<string> {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o755);
    return file;
  }

  const plugin = (version: string): string =>
    join("home", "plugins", `resource-kubernetes-v${version}`, "pulumi-resource-kubernetes");

  it("takes the official language host beside the CLI, and never a stand-in for one", async () => {
    const pulumi = await script("bin/pulumi", "exit 0");
    assert.equal(await officialLanguageHost(pulumi), false);
    const host = join(folder, "bin", "pulumi-language-nodejs");
    await writeWrapper("language", host);
    assert.equal(await isStandIn(host), true);
    assert.equal(await officialLanguageHost(pulumi), false);
    await script("bin/pulumi-language-nodejs", "exit 0");
    assert.equal(await officialLanguageHost(pulumi), true);
  });

  it("takes an official kubernetes plugin that can serve the SDK", async () => {
    const versions = ["4.34.2", "4.34.3", "4.35.0", "4.100.0"];
    for (const version of versions) assert.equal(serves(`resource-kubernetes-v${version}`, "4.34.2"), true, version);
    for (const version of ["4.34.1", "4.9.9", "5.0.0", "3.99.0", "4.35.0-alpha.1"]) {
      assert.equal(serves(`resource-kubernetes-v${version}`, "4.34.2"), false, version);
    }
    assert.equal(serves("resource-aws-v4.34.2", "4.34.2"), false);

    const home = join(folder, "home");
    assert.equal(await kubernetesInstalled(home, "4.34.2"), false);
    await writeWrapper("kubernetes", join(folder, plugin("4.34.2")));
    assert.equal(await kubernetesInstalled(home, "4.34.2"), false);
    await script(plugin("4.35.0"), "exit 0");
    assert.equal(await kubernetesInstalled(home, "4.34.2"), true);
  });

  it("asks for the official plugin once a day, and remembers why it was refused", async () => {
    const said = "warning: Error downloading plugin: Get https://plugins.example/x: no such host";
    const pulumi = await script(
      "pulumi",
      `echo asked >> '${folder}/calls'; echo '${said}' >&2; echo 'Will retry in 1.28s [5/5]' >&2; echo 'error: failed all 5 attempts' >&2; exit 1`,
    );
    const installation = { pulumi, home: join(folder, "home"), version: "4.34.2", note: join(folder, "refused") };
    const calls = async () => (await readFile(join(folder, "calls"), "utf8")).trim().split("\n").length;
    assert.equal(await installKubernetes(installation), said);
    assert.equal(await installKubernetes(installation), said);
    assert.equal(await calls(), 1);
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    await utimes(installation.note, yesterday, yesterday);
    await installKubernetes(installation);
    assert.equal(await calls(), 2);
  });

  it("uses the official plugin as soon as it can be downloaded", async () => {
    const file = join(folder, plugin("4.34.2"));
    const pulumi = await script(
      "pulumi",
      `mkdir -p '${dirname(file)}' && echo official > '${file}' && chmod +x '${file}'`,
    );
    const installation = { pulumi, home: join(folder, "home"), version: "4.34.2", note: join(folder, "refused") };
    assert.equal(await installKubernetes(installation), undefined);
    await script("pulumi", "exit 1");
    assert.equal(await installKubernetes(installation), undefined); // installed: not asked for again
  });

  it("does not remember what failed for another reason than the download", async () => {
    const pulumi = await script("pulumi", `echo 'error: detected both PulumiPlugin.yaml and Pulumi.yaml' >&2; exit 1`);
    const note = join(folder, "refused");
    const refusal = await installKubernetes({ pulumi, home: join(folder, "home"), version: "4.34.2", note });
    assert.equal(refusal, "error: detected both PulumiPlugin.yaml and Pulumi.yaml");
    await assert.rejects(stat(note), { code: "ENOENT" });
  });

  it("asks in an empty folder, also where the home lies in a checkout that is both plugin and project", async () => {
    const pulumi = await script(
      "pulumi",
      `pwd -P > '${folder}/asked-in'; ls -A | wc -l >> '${folder}/asked-in'; exit 1`,
    );
    for (const name of ["Pulumi.yaml", "PulumiPlugin.yaml"]) await writeFile(join(folder, name), "");
    await installKubernetes({ pulumi, home: join(folder, "home"), version: "4.34.2", note: join(folder, "refused") });
    const [askedIn = "", entries] = (await readFile(join(folder, "asked-in"), "utf8")).trim().split("\n");
    assert.equal(Number(entries), 0);
    assert.equal(askedIn.startsWith(await realpath(folder)), false, askedIn);
    assert.equal(dirname(askedIn), await realpath(tmpdir()));
    await assert.rejects(stat(askedIn), { code: "ENOENT" });
  });

  it("puts an executable wrapper and the CLI side by side, and leaves nothing else", async () => {
    const pulumi = await script("elsewhere/pulumi", "exit 0");
    const cli = join(folder, "root", "bin", "pulumi");
    const host = join(folder, "root", "bin", "pulumi-language-nodejs");
    await Promise.all([1, 2, 3].map(() => placeBinary(pulumi, cli)));
    await Promise.all([1, 2, 3].map(() => writeWrapper("language", host)));
    assert.equal(await readFile(cli, "utf8"), await readFile(pulumi, "utf8"));
    assert.equal((await stat(host)).mode & 0o111, 0o111);
    assert.deepEqual((await readdir(dirname(cli))).sort(), ["pulumi", "pulumi-language-nodejs"]);
  });
});
