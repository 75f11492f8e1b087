import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parse } from "plist";
import { DEFAULT_GRACE_PERIOD_MS } from "../../agent/workload/workload.ts";
import { installDaemon, type LaunchdSite, uninstallDaemon } from "../../cli/install-daemon.ts";
import { daemonPlist, LABEL } from "../../cli/launchd.ts";
import { inProcess } from "../support/in-process.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const DAEMON = { command: ["/bin/node", "/p/cli.js", "agent"], user: "ada", home: "/Users/ada" };

describe("pulumi-llmkube agent install", function () {
  this.timeout(60_000);
  let site: LaunchdSite;
  let calls: () => string;

  beforeEach(async () => {
    const folder = await temporaryDirectory();
    const launchctl = join(folder, "stand-in-launchctl");
    await writeFile(launchctl, `#!/bin/sh\necho "$@" >> "${folder}/calls"\n`);
    await chmod(launchctl, 0o755);
    site = { folder, launchctl };
    calls = () => readFileSync(join(folder, "calls"), "utf8");
  });

  it("is a daemon of the user's, restarted unless it was stopped, with time to drain", () => {
    const daemon: unknown = parse(daemonPlist(DAEMON));
    assert.ok(typeof daemon === "object" && daemon !== null);
    const { ExitTimeOut, ...rest } = Object.fromEntries(Object.entries(daemon));
    assert.ok(Number(ExitTimeOut) * 1000 > DEFAULT_GRACE_PERIOD_MS);
    assert.deepEqual(rest, {
      Label: LABEL,
      ProgramArguments: DAEMON.command,
      UserName: "ada",
      EnvironmentVariables: { HOME: "/Users/ada" },
      WorkingDirectory: "/Users/ada",
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 10,
      ProcessType: "Interactive",
      AbandonProcessGroup: false,
      StandardOutPath: "/Users/ada/Library/Logs/pulumi-llmkube-agent.log",
      StandardErrorPath: "/Users/ada/Library/Logs/pulumi-llmkube-agent.log",
    });
  });

  it("unloads what was there, writes the file for all to read, loads it, and removes it again", async () => {
    const path = join(site.folder, `${LABEL}.plist`);
    assert.equal(await installDaemon(daemonPlist(DAEMON), site), undefined);
    assert.equal(readFileSync(path, "utf8"), daemonPlist(DAEMON));
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.equal(calls(), `bootout system/${LABEL}\nbootstrap system ${path}\n`);
    assert.equal(await uninstallDaemon(site), undefined);
    assert.ok(!existsSync(path));
    assert.match((await uninstallDaemon(site)) ?? "", /^nothing is installed: .* does not exist$/);
  });

  it("says what went wrong", async () => {
    await writeFile(site.launchctl, "#!/bin/sh\nexit 5\n");
    assert.match((await installDaemon(daemonPlist(DAEMON), site)) ?? "", /stand-in-launchctl bootstrap failed \(5\)/);
    const nowhere = { ...site, folder: join(site.folder, "none") };
    assert.match((await installDaemon("", nowhere)) ?? "", /cannot be written \(ENOENT\)/);
  });

  it("shows with --dry-run what it would do, with absolute paths and the options that were given", async () => {
    const given = [
      "--manifests",
      site.folder,
      "--memory-fraction",
      "0.5",
      "--llama-server",
      "sh",
      "--listen",
      "127.0.0.1:9100",
    ];
    const { stdout, exitCode } = await runCli("agent", "install", "--dry-run", ...given);
    assert.equal(exitCode, 0);
    const daemon: unknown = parse(stdout.slice(stdout.indexOf("<?xml"), stdout.indexOf("</plist>") + 8));
    assert.ok(typeof daemon === "object" && daemon !== null && "ProgramArguments" in daemon);
    const [node = "", cli = "", ...args] = Object.values(Object(daemon.ProgramArguments)).map(String);
    assert.ok(isAbsolute(node) && isAbsolute(cli));
    const options = new Map(
      args.slice(1).flatMap((arg, index, all) => (index % 2 === 0 ? [[arg, all[index + 1]]] : [])),
    );
    assert.equal(args[0], "agent");
    assert.equal(options.get("--manifests"), site.folder);
    assert.equal(options.get("--memory-fraction"), "0.5");
    assert.equal(options.get("--listen"), "127.0.0.1:9100");
    assert.ok(isAbsolute(options.get("--llama-server") ?? ""));
    assert.equal(options.size, 4);
    assert.match(stdout, /launchctl bootstrap system \/Library\/LaunchDaemons\//);
  });

  it("refuses without a folder, without the binary, and on another system", async () => {
    const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [["--llama-server", "sh"], /--manifests is required/],
      [["--manifests", site.folder, "--llama-server", "/no/server"], /\/no\/server was not found/],
      ...(process.platform === "darwin"
        ? []
        : [[["--manifests", site.folder, "--llama-server", "sh"], /launchd exists on macOS only/] as const]),
    ];
    assert.equal((await inProcess("agent", "uninstall", "--bogus")).exitCode, 2);
    for (const [args, says] of cases) {
      const { stderr, exitCode } = await inProcess("agent", "install", ...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
    }
  });
});
