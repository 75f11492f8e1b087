import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheRoot, entryName } from "../../toolchain/cache.ts";
import { ensure, type Host } from "../../toolchain/ensure.ts";
import { llamaCmakeArguments, pinPath, TOOL_NAMES, TOOLS } from "../../toolchain/tools.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { MADE_UP_RECIPE, madeUpTool } from "./made-up-tool.ts";

async function script(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

interface Watched extends Host {
  lines: string[];
  builds: string[];
}

async function host(changes: Partial<Host> = {}): Promise<Watched> {
  const lines: string[] = [];
  const builds: string[] = [];
  return {
    cacheRoot: await temporaryDirectory(),
    env: {},
    heartbeatMs: 60_000,
    report: (line) => lines.push(line),
    build: async (_, site) => {
      builds.push(site.entry);
      await script(join(site.output, "bin", "made-up"), "exit 0");
    },
    ...changes,
    lines,
    builds,
  };
}

describe("toolchain: cache keys", () => {
  const machine = { platform: "linux", arch: "x64" };

  it("is the same for the same recipe on the same machine", async () => {
    assert.equal(await entryName(MADE_UP_RECIPE, machine), await entryName({ ...MADE_UP_RECIPE }, machine));
  });

  it("does not depend on words that only people read", async () => {
    const reworded = { ...MADE_UP_RECIPE, about: "other words" };
    assert.equal(await entryName(MADE_UP_RECIPE, machine), await entryName(reworded, machine));
  });

  it("differs by flags, package, platform and architecture", async () => {
    const names = await Promise.all([
      entryName(MADE_UP_RECIPE, machine),
      entryName({ ...MADE_UP_RECIPE, ldflags: "-w" }, machine),
      entryName({ ...MADE_UP_RECIPE, package: "example.invalid/other" }, machine),
      entryName(MADE_UP_RECIPE, { ...machine, platform: "darwin" }),
      entryName(MADE_UP_RECIPE, { ...machine, arch: "arm64" }),
    ]);
    assert.equal(new Set(names).size, names.length, names.join(" "));
  });

  it("differs by the content of the pins", async () => {
    const pin = join(await temporaryDirectory(), "go.sum");
    const recipe = { ...MADE_UP_RECIPE, pins: [relative(pinPath("."), pin)] };
    await writeFile(pin, "one");
    const before = await entryName(recipe, machine);
    await writeFile(pin, "two");
    assert.notEqual(await entryName(recipe, machine), before);
  });

  it("gives every tool of the table an entry, shared only by the two of llama.cpp", async () => {
    const entries = await Promise.all(TOOL_NAMES.map((name) => entryName(TOOLS[name].recipe)));
    assert.equal(new Set(entries).size, TOOL_NAMES.length - 1);
    assert.equal(await entryName(TOOLS["llama-server"].recipe), await entryName(TOOLS["llama-fit-params"].recipe));
  });

  it("stamps binaries with the versions that go.mod pins", async () => {
    for (const [name, module] of [
      ["pulumi", "github.com/pulumi/pulumi/pkg/v3"],
      ["kube-apiserver", "k8s.io/kubernetes"],
    ] as const) {
      const { recipe } = TOOLS[name];
      assert.ok(recipe.kind === "go");
      const pinned = await readFile(pinPath(join(recipe.module, "go.mod")), "utf8");
      const version = /=(v[\d.]+)$/.exec(recipe.ldflags)?.[1];
      assert.ok(pinned.includes(`\t${module} ${version} `), `${module} ${version}`);
    }
  });

  it("asks for AVX2 on x64 alone, and for Metal on a Mac alone", () => {
    const has = (platform: NodeJS.Platform, arch: string, flag: string) =>
      llamaCmakeArguments(platform, arch).includes(flag);
    assert.deepEqual(
      [
        has("linux", "x64", "-DGGML_AVX2=ON"),
        has("linux", "arm64", "-DGGML_AVX2=ON"),
        has("darwin", "arm64", "-DGGML_AVX2=ON"),
      ],
      [true, false, false],
    );
    assert.deepEqual(
      [has("darwin", "arm64", "-DGGML_METAL=ON"), has("linux", "x64", "-DGGML_METAL=ON")],
      [true, false],
    );
  });

  it("lies in the user's cache unless the environment names a folder", () => {
    assert.match(cacheRoot({}), /pulumi-llmkube-toolchain/);
    assert.equal(cacheRoot({ PULUMI_LLMKUBE_TOOLCHAIN: "/srv/tools" }), "/srv/tools");
  });
});

describe("toolchain: order of places", () => {
  it("takes what is on PATH and runs, before the cache", async () => {
    const path = await script(join(await temporaryDirectory(), "made-up"), '[ "$1" = --version ]');
    const where = await host({ env: { PATH: dirname(path) } });
    const entry = join(where.cacheRoot, await entryName(MADE_UP_RECIPE));
    await script(join(entry, "bin", "made-up"), "exit 0");
    assert.equal(await ensure("made-up", madeUpTool(), where), path);
    assert.deepEqual(where.builds, []);
  });

  it("ignores a tool on PATH that does not run, says so, and goes on looking", async () => {
    const broken = await script(join(await temporaryDirectory(), "made-up"), "exit 3");
    const good = await script(join(await temporaryDirectory(), "made-up"), "exit 0");
    const where = await host({ env: { PATH: `${dirname(broken)}:${dirname(good)}` } });
    assert.equal(await ensure("made-up", madeUpTool(), where), good);
    assert.equal(where.lines.length, 1);
    assert.match(where.lines[0] ?? "", new RegExp(`^made-up: ignoring ${broken}, because it does not run`));
  });

  it("looks in the folder that the tool's variable names", async () => {
    const path = await script(join(await temporaryDirectory(), "made-up"), "exit 0");
    const where = await host({ env: { KUBEBUILDER_ASSETS: dirname(path) } });
    const tool = madeUpTool({ folderVariable: "KUBEBUILDER_ASSETS" });
    assert.equal(await ensure("made-up", tool, where), path);
  });

  it("takes the newest version of a Pulumi plugin that is installed, and none that is still being downloaded", async () => {
    const home = await temporaryDirectory();
    const install = (version: string) => script(join(home, "plugins", `resource-x-${version}`, "made-up"), "exit 0");
    const [, newest] = [await install("v4.9.0"), await install("v4.10.0"), await install("v4.11.0.partial")];
    const where = await host({ env: { PULUMI_HOME: home } });
    assert.equal(await ensure("made-up", madeUpTool({ pulumiPlugin: "resource-x" }), where), newest);
    assert.deepEqual(where.builds, []);
  });

  it("does not take its own cache on PATH for the user's choice", async () => {
    const root = await temporaryDirectory();
    const old = await script(join(root, "made-up-of-an-older-pin", "bin", "made-up"), "exit 0");
    const where = await host({ cacheRoot: root, env: { PATH: dirname(old) } });
    assert.notEqual(await ensure("made-up", madeUpTool(), where), old);
    assert.deepEqual(where.builds, ["made-up"]);
  });

  it("never takes data from PATH", async () => {
    const path = await script(join(await temporaryDirectory(), "made-up"), "exit 0");
    const where = await host({ env: { PATH: dirname(path) } });
    const { probe: _, ...data } = madeUpTool();
    assert.notEqual(await ensure("made-up", data, where), path);
    assert.deepEqual(where.builds, ["made-up"]);
  });

  it("builds what is nowhere, and finds it in the cache the next time", async () => {
    const where = await host();
    const first = await ensure("made-up", madeUpTool(), where);
    assert.equal(await ensure("made-up", madeUpTool(), where), first);
    assert.deepEqual(where.builds, ["made-up"]);
    assert.deepEqual(await readdir(where.cacheRoot), [await entryName(MADE_UP_RECIPE)]);
  });
});

describe("toolchain: failures", () => {
  it("leaves no entry when a build fails", async () => {
    const where = await host({
      build: async (_, site) => {
        await script(join(site.output, "bin", "made-up"), "exit 0");
        throw new Error("the compiler gave up");
      },
    });
    await assert.rejects(ensure("made-up", madeUpTool(), where), /^Error: the compiler gave up$/);
    assert.deepEqual(await readdir(where.cacheRoot), []);
  });

  it("does not keep a binary that does not run", async () => {
    const where = await host({
      build: async (_, site) => {
        await script(join(site.output, "bin", "made-up"), "exit 7");
      },
    });
    await assert.rejects(
      ensure("made-up", madeUpTool(), where),
      /The made-up that was built does not run: .*exit code 7/,
    );
    assert.deepEqual(await readdir(where.cacheRoot), []);
  });

  it("says in one sentence that the cache cannot be written, and what to set", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    const where = await host({ cacheRoot: join(file, "cache") });
    await assert.rejects(ensure("made-up", madeUpTool(), where), (error: Error) => {
      assert.match(
        error.message,
        /^The toolchain cache .* is not writable \(.*\): set PULUMI_LLMKUBE_TOOLCHAIN to a writable folder/,
      );
      return true;
    });
  });

  it("reports at each heartbeat for how long it builds", async () => {
    const isProgress = (line: string) => /^made-up: building, \d+ s: compiling one\.c$/.test(line);
    const lines: string[] = [];
    const where = await host({
      heartbeatMs: 20,
      report: (line) => lines.push(line),
      build: async (_, site) => {
        site.progress("compiling one.c");
        await script(join(site.output, "bin", "made-up"), "exit 0");
        // Ends once it was reported, however slow the machine is.
        for (let tries = 0; tries < 1000 && !lines.some(isProgress); tries += 1) await sleep(5);
      },
    });
    await ensure("made-up", madeUpTool(), where);
    assert.ok(lines.some(isProgress), lines.join("\n"));
  });
});
