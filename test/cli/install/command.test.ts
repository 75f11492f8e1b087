import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { execa } from "execa";
import { parse } from "plist";
import { inProcess } from "../../support/in-process.ts";
import { CLI } from "../../support/run-cli.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { launchdScene, script } from "./launchd-scene.ts";

const PROGRAM = join(import.meta.dirname, "on-stand-in-mac.ts");

describe("pulumi-llmkube agent install", function () {
  this.timeout(60_000);
  const self = ["--user", userInfo().username];
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryDirectory();
  });
  const cli = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    execa(process.execPath, [CLI, "agent", "install", ...args], { cwd: folder, env, reject: false, stdin: "ignore" });

  it("shows with --dry-run what it would do, with absolute paths, the options that were given and what speaks against it", async () => {
    await mkdir(join(folder, "my manifests"));
    const options = ["--memory-fraction", "0.5", "--llama-server", "sh", "--listen", "127.0.0.1:9100", "--json"];
    const given = ["--manifests", "my manifests", "--models", "m & m", ...options, ...self];
    const env = { HF_TOKEN: "hf_secret", PULUMI_LLMKUBE_CLAIMS: "claims", HTTPS_PROXY: "http://p:1", SUDO_USER: "" };
    const { stdout, stderr, exitCode } = await cli(["--dry-run", ...given], env);
    assert.equal(exitCode, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /hf_secret/);
    assert.match(stderr, /^note: HF_TOKEN is not written/m);
    assert.match(stderr, /^warning: --models .*m & m, which will not stay: macOS empties this folder/m);
    const daemon: unknown = parse(stdout.slice(stdout.indexOf("<?xml"), stdout.indexOf("</plist>") + 8));
    assert.ok(typeof daemon === "object" && daemon !== null && "ProgramArguments" in daemon);
    const [node = "", program = "", ...args] = Object.values(Object(daemon.ProgramArguments)).map(String);
    assert.ok(isAbsolute(node) && isAbsolute(program));
    const [agent, named, server = "", ...rest] = args;
    assert.deepEqual([agent, named], ["agent", "--llama-server"]);
    assert.ok(isAbsolute(server));
    assert.deepEqual(rest, [
      ...["--manifests", join(folder, "my manifests"), "--memory-fraction", "0.5", "--models", join(folder, "m & m")],
      ...["--claims", join(folder, "claims"), "--listen", "127.0.0.1:9100", "--json"],
    ]);
    assert.match(stdout, /^\/usr\/bin\/tmutil addexclusion -p '.*m & m'$/m);
    const verbs = [...stdout.matchAll(/^\/bin\/launchctl (\w+)/gm)].map(([, verb]) => verb);
    assert.deepEqual(verbs, ["bootout", "print", "enable", "bootstrap", "print"]);
  });

  it("refuses what the daemon could not use, each with a sentence, also with --dry-run", async () => {
    const none = ["--manifests", join(folder, "none"), "--llama-server", CLI, "--api-key-file", join(folder, "keys")];
    const { stderr, exitCode } = await cli(["--dry-run", ...none, ...self], { SUDO_USER: "" });
    assert.equal(exitCode, 2);
    assert.match(stderr, /--manifests .*none: for the user .* this is no folder that it may read/);
    assert.match(stderr, /--llama-server .*: for the user .* this is no program that it may run/);
    assert.match(stderr, /--api-key-file .*keys: for the user .* this is no file that it alone may read: .*chmod 600/);
  });

  it("refuses without a folder, without the binary, without a user, and on another system", async () => {
    const there = ["--manifests", folder, "--llama-server", "sh"];
    const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [["--llama-server", "sh", ...self], /--manifests is required.* or a cluster with --kubeconfig/],
      [[...there, "--kubeconfig", folder, ...self], /--manifests and --kubeconfig exclude each other/],
      [[...there, "--node-name", "mac-1", ...self], /--node-name needs --kubeconfig/],
      [
        ["--kubeconfig", folder, "--api-key-file", folder, "--llama-server", "sh", ...self],
        /--api-key-file and --kubeconfig exclude each other/,
      ],
      [["--manifests", folder, "--llama-server", "no-server", ...self], /no-server was not found: brew install/],
      [[...there, "--user", "nobody-of-this-name"], /there is no user nobody-of-this-name on this machine/],
      [[...there, "--user", "a b"], /"a b" is no user name that is supported/],
      ...(process.platform === "darwin" ? [] : [[[...there, ...self], /launchd exists on macOS only/] as const]),
    ];
    assert.equal((await inProcess("agent", "uninstall", "--bogus")).exitCode, 2);
    for (const [args, says] of cases) {
      const { stderr, exitCode } = await inProcess("agent", "install", ...args);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, says);
    }
  });

  it("refuses root that does not come from an account", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const { stderr, exitCode } = await cli(["--dry-run", "--manifests", folder, "--llama-server", "sh"], {
      SUDO_USER: "root",
    });
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^pulumi-llmkube: root runs this, and not through sudo from another account, so it is not known who owns the models:.*--user/m,
    );
  });

  it("shows what uninstall would do, and both tell their exit codes", async () => {
    const { stdout } = await inProcess("agent", "uninstall", "--dry-run");
    assert.match(
      stdout,
      /^\/bin\/launchctl bootout .*\n\/bin\/launchctl print .* # until it fails\nrm \/Library\/LaunchDaemons\/.*\.plist$/,
    );
    for (const command of ["install", "uninstall"]) {
      assert.match(
        (await inProcess("agent", command, "--help")).stdout,
        /Exit codes:\n {2}0 .*\n.*\n? *2 [\s\S]* 130 /,
      );
    }
  });
});

describe("pulumi-llmkube agent install and uninstall, on a Mac that is stood in for", function () {
  this.timeout(60_000);
  const begin = async (state: Parameters<typeof launchdScene>[0], kubeconfigMode?: number) => {
    const { folder, site, tmutil } = await launchdScene(state);
    const sudo = await script(folder, "stand-in-sudo", 'shift 4; exec "$@"');
    const paths = JSON.stringify({ launchctl: site.launchctl, launchDaemons: folder, tmutil, sudo });
    const env = { ...process.env, HOME: folder, SUDO_USER: userInfo().username };
    const llamaServer = await script(folder, "stand-in-llama-server", "exit 0");
    const kubeconfig = join(folder, "kubeconfig");
    if (kubeconfigMode !== undefined) await writeFile(kubeconfig, "", { mode: kubeconfigMode });
    const source =
      kubeconfigMode === undefined ? ["--manifests", folder] : ["--kubeconfig", kubeconfig, "--node-name", "mac-1"];
    const given = [...source, "--models", join(folder, "models"), "--llama-server", llamaServer];
    const run = (...args: readonly string[]) =>
      execa(process.execPath, [PROGRAM, paths, "agent", ...args], { env, reject: false, stdin: "ignore" });
    const install = () => run("install", ...given, ...self());
    return { path: join(folder, "dev.llmkube.pulumi-llmkube.agent.plist"), install, uninstall: () => run("uninstall") };
  };
  /** Named, since root itself is not taken without. */
  const self = () => ["--user", userInfo().username];

  it("replaces an agent that runs, with a word while that takes long, and takes it away again", async () => {
    const { path, install, uninstall } = await begin({ loadedAt: 1, drainMs: 1000 });
    const installed = await install();
    assert.equal(installed.exitCode, 0, installed.stderr);
    assert.match(installed.stderr, /^… the agent that runs ends with its servers, and the new one starts \(\d+ s\)$/m);
    assert.match(installed.stdout, /^installed .*; the agent runs \(pid 4321\)$/m);
    const removed = await uninstall();
    assert.deepEqual([removed.exitCode, existsSync(path)], [0, false]);
    assert.match(removed.stdout, /^removed .*; the agent has ended, and its servers with it$/m);
    const again = await uninstall();
    assert.deepEqual([again.exitCode, again.stdout], [0, "nothing is installed"]);
  });

  it("makes a node of the Mac: the daemon has the path of the kubeconfig, and no folder of manifests", async () => {
    const { path, install, uninstall } = await begin({}, 0o600);
    const installed = await install();
    assert.equal(installed.exitCode, 0, installed.stderr);
    const daemon = Object(parse(await readFile(path, "utf8")));
    const args: readonly string[] = daemon.ProgramArguments;
    assert.deepEqual(args.slice(args.indexOf("--kubeconfig")).slice(0, 4), [
      ...["--kubeconfig", join(dirname(path), "kubeconfig"), "--node-name", "mac-1"],
    ]);
    assert.ok(!args.includes("--manifests"), args.join(" "));
    assert.match(installed.stdout, /the agent runs \(pid 4321\)/);
    const removed = await uninstall();
    assert.deepEqual([removed.exitCode, existsSync(path)], [0, false]);
  });

  it("does not install with a kubeconfig that other users can read", async () => {
    const { path, install } = await begin({}, 0o640);
    const { exitCode, stderr } = await install();
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /--kubeconfig .*: for the user .* this is no file that it alone may read: .*chmod 600/);
    assert.ok(!existsSync(path));
  });

  it("exits with 1 where the agent does not stay running", async () => {
    const { install } = await begin({ program: "exits-with-2" });
    const installed = await install();
    assert.equal(installed.exitCode, 1, installed.stderr);
    assert.match(installed.stdout, /but the agent does not stay running \(last exit: 2\)/);
  });

  it("says at Ctrl-C how things stand, exit code 130", async () => {
    const { install } = await begin({ loadedAt: 1, drainMs: 60_000 });
    const installing = install();
    let printed = "";
    let interrupted = false;
    installing.stderr.on("data", (text) => {
      printed += String(text);
      if (!interrupted && /… the agent/.test(printed)) interrupted = installing.kill("SIGINT");
    });
    const { exitCode, stderr } = await installing;
    assert.equal(exitCode, 130, stderr);
    assert.match(
      stderr,
      /interrupted: .*plist is the new one; the agent runs \(pid 4321\); run the same command again to finish$/m,
    );
  });
});
