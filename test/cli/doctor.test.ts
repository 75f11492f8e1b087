import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MAC } from "../../agent/host/darwin/mac-paths.ts";
import type { Check, Finding, Subject } from "../../cli/doctor/check.ts";
import { diagnose } from "../../cli/doctor/checks.ts";
import { parseSleep } from "../../cli/doctor/machine.ts";
import { doctorText } from "../../cli/doctor/run.ts";
import { coldLibrary } from "../../cli/doctor/server.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { script } from "./install/launchd-scene.ts";
import { startCli } from "./running.ts";

const byName = (checks: readonly Check[]) => new Map(checks.map((check) => [check.name, check]));
const never = new AbortController().signal;

describe("pulumi-llmkube doctor", function () {
  this.timeout(120_000);
  let folder = "";
  beforeEach(async () => {
    folder = await temporaryDirectory();
  });

  it("says what to do where llama-server is missing or a folder cannot be written, and exits with 1", async () => {
    await writeFile(join(folder, "file"), "");
    const file = join(folder, "file");
    const folders = ["--models", file, "--claims", join(file, "below")];
    const { stdout, exitCode } = await runCli("doctor", "--llama-server", "/no/llama-server", ...folders);
    assert.equal(exitCode, 1);
    assert.match(stdout, /^✗ {2}llama-server +\/no\/llama-server was not found\n +→ brew install llama\.cpp/m);
    assert.match(stdout, /^✗ {2}models folder .*cannot be written.*\n +→ use another folder with --models/m);
    assert.match(stdout, /^✗ {2}claims folder .*cannot be written.*\n +→ use another folder with --claims/m);
    assert.doesNotMatch(stdout, /llama-server options/);
    assert.match(stdout, /^✓ {2}memory pressure +normal$/m);
  });

  it("says what it waits for, and ends at once at Ctrl-C with what it has found", async () => {
    const llamaServer = await script(
      folder,
      "stand-in-llama-server",
      'case "$1" in --help) exec sleep 60;; *) echo x;; esac',
    );
    const began = Date.now();
    const doctor = startCli("doctor", "--llama-server", llamaServer, "--models", folder, "--state", folder);
    await sleep(4500);
    assert.equal(await doctor.interrupted(), 130);
    assert.ok(Date.now() - began < 12_000);
    assert.match(doctor.stdout(), /^✓ {2}llama-server +it runs$/m);
    assert.match(doctor.stdout(), /^- {2}llama-server options +interrupted$/m);
    assert.match((await doctor.ended()).stderr, /^… checking: llama-server options \(\d+ s\)$/m);
  });

  describe("on a Mac, through stand-ins for its commands", () => {
    const mac = () => ({
      ...MAC,
      ...Object.fromEntries(
        ["sysctl", "swVers", "fdesetup", "pmset"].map((key) => [key, join(folder, `stand-in-${key}`)]),
      ),
      libSystem: join(folder, "none.dylib"),
    });
    /** What the stand-ins print, by command; shell. */
    const USUAL = {
      sysctl:
        'case "$2" in iogpu*) echo 0;; *level) echo 1;; *brand_string) echo "Apple M4 Pro";; *translated) echo 0;; esac',
      swVers: "echo 15.4.1",
      fdesetup: "echo FileVault is Off.",
      pmset: "printf 'Battery Power:\\n sleep 1\\nAC Power:\\n sleep 0\\n'",
      devices: 'echo "  MTL0: Apple M4 Pro (36864 MiB, 36864 MiB free)"',
      version: "echo 'version: 10950 (abc)' >&2",
    };
    const diagnosed = async (printed: Partial<typeof USUAL> = {}, part: Partial<Subject> = {}) => {
      const all = { ...USUAL, ...printed };
      for (const name of ["sysctl", "swVers", "fdesetup", "pmset"] as const)
        await script(folder, `stand-in-${name}`, all[name]);
      const answers = `case "$1" in --list-devices) ${all.devices};; --version) ${all.version};; *) exit 1;; esac`;
      const llamaServer = await script(folder, "stand-in-llama-server", answers);
      const where = { models: folder, state: folder, claims: folder, home: join(folder, "home") };
      const subject = { llamaServer, ...where, system: "darwin", architecture: "arm64", mac: mac() } as const;
      return byName(await diagnose({ ...subject, ...part }, never));
    };
    const stateOf = (checks: ReadonlyMap<string, Check>, name: string) => checks.get(name)?.state;

    it("reads a Mac on which all is well", async () => {
      const checks = await diagnosed();
      const found = (name: string) => checks.get(name)?.found;
      assert.deepEqual(
        ["chip", "macOS", "Rosetta", "FileVault", "sleep", "wired limit", "memory pressure", "Metal"].map((name) => [
          stateOf(checks, name),
          found(name),
        ]),
        [
          ["ok", "Apple M4 Pro"],
          ["ok", "15.4.1"],
          ["ok", "not used: Node.js is arm64"],
          ["ok", "off"],
          ["ok", "Battery Power: after 1 min, AC Power: never"],
          ["ok", "system default"],
          ["ok", "normal"],
          ["ok", "working set 36.0 GiB"],
        ],
      );
      assert.match(found("memory") ?? "", /^all models together may use \S+ GiB \(.+\) by default$/);
      assert.equal(found("llama-server build"), "version: 10950 (abc)");
      assert.equal(stateOf(checks, "privacy"), "ok");
      assert.equal(stateOf(checks, "projection"), "skipped");
      assert.match(found("projection") ?? "", /^no model in .* to ask about: name one with --model FILE$/);
    });

    type Row = readonly [
      name: string,
      state: Finding["state"],
      says: RegExp,
      printed: Partial<typeof USUAL>,
      part?: Partial<Subject>,
    ];
    const rows: readonly Row[] = [
      ["chip", "failed", /Intel.*Apple silicon/, { sysctl: 'echo "Intel(R) Core(TM) i7"' }],
      ["chip", "warning", /does not name it/, { sysctl: "exit 1" }],
      ["macOS", "warning", /13\.7.*update to macOS 14/, { swVers: "echo 13.7" }],
      ["Rosetta", "warning", /built for Intel.*arm64/, { sysctl: "echo 1" }],
      ["Rosetta", "warning", /built for Intel/, {}, { architecture: "x64" }],
      [
        "FileVault",
        "warning",
        /^FileVault is On: after a restart nothing runs before.*authrestart/,
        { fdesetup: "echo FileVault is On." },
      ],
      ["FileVault", "warning", /failed \(11\)/, { fdesetup: "exit 11" }],
      [
        "sleep",
        "warning",
        /AC Power: after 10 min.*pmset -c sleep 0/,
        { pmset: "printf 'AC Power:\\n sleep 10 (sleep prevented by x)\\n displaysleep 2\\n'" },
      ],
      ["wired limit", "warning", /set to 12000 MB/, { sysctl: "echo 12000" }],
      ["wired limit", "ok", /has none/, { sysctl: "exit 1" }],
      ["memory pressure", "warning", /^warning/, { sysctl: "echo 2" }],
      ["memory pressure", "warning", /cannot be read, so no model would start/, { sysctl: "exit 1" }],
      ["projection", "warning", /^there is no file \/no\/model\.gguf.*--model FILE/, {}, { model: "/no/model.gguf" }],
      ["system calls", "warning", /not loaded/, {}],
      ["Metal", "failed", /lists no Metal device.*built for Metal/, { devices: "echo Available devices:" }],
      [
        "llama-server build",
        "warning",
        /is build 9000, and estimates hold from build 9460/,
        { version: "echo 'version: 9000 (abc)' >&2" },
      ],
      [
        "llama-server",
        "failed",
        /cannot load its libraries.*brew reinstall ggml llama\.cpp/,
        { version: "echo 'dyld[7]: Library not loaded: /opt/x/libggml.dylib' >&2; exit 134" },
      ],
    ];
    for (const [name, state, says, printed, part] of rows) {
      it(`${name}: ${state}, ${says}`, async () => {
        const check = (await diagnosed(printed, part)).get(name);
        assert.equal(check?.state, state);
        assert.match(`${check.found} ${check.remedy ?? ""}`, says);
      });
    }

    it("warns of folders that a daemon cannot read", async () => {
      const models = join(folder, "home/Documents/models");
      const check = (await diagnosed({}, { models })).get("privacy");
      assert.equal(check?.state, "warning");
      assert.match(check.found, /models is in the Documents folder: macOS keeps daemons out of there/);
      assert.match(check.remedy ?? "", /Full Disk Access/);
    });
  });

  it("says that Metal's library was cold, on a Mac", () => {
    const on = (system: NodeJS.Platform): Subject => ({ system }) as Subject;
    assert.deepEqual(coldLibrary(300, on("darwin")), { state: "ok", found: "ready after 0.3 s" });
    assert.match(
      coldLibrary(5100, on("darwin")).found,
      /^llama-server was ready after 5\.1 s: Metal's library was compiled/,
    );
    assert.equal(coldLibrary(5100, on("linux")).state, "skipped");
  });

  it("reads the settings for sleep of a notebook and of a desktop", () => {
    const line = " sleep                1 (sleep prevented by powerd)\n displaysleep         10\n disksleep 10\n";
    assert.deepEqual(
      [...parseSleep(`Battery Power:\n${line}AC Power:\n sleep 0\n`)],
      [
        ["Battery Power", 1],
        ["AC Power", 0],
      ],
    );
    assert.deepEqual([...parseSleep("nothing\n")], []);
  });

  it("puts a remedy below its check", () => {
    const text = doctorText([
      { name: "disk", state: "warning", found: "1.0 GiB free", remedy: "free space" },
      { name: "user", state: "ok", found: "not root" },
    ]);
    assert.equal(text, "!  disk  1.0 GiB free\n         → free space\n✓  user  not root");
  });
});

describe("doctor's look at the projection", function () {
  this.timeout(60_000);
  const HELP =
    "--model --host --port --ctx-size --parallel --cache-type-k --cache-type-v --batch-size --ubatch-size --n-gpu-layers --device --load-mode --log-verbosity --fit";
  const TABLE = [
    "| memory breakdown [MiB]  | total   free    self   model   context   compute    unaccounted |",
    "|   - MTL0 (Apple M4 Pro) | 36863 = 36000 + ( 862 =   222 +       9 +     631) +         0 |",
    "|   - Host                |                   250 =   222 +       9 +      19                |",
    "common_params_fit_impl: projected to use 862 MiB of device memory vs. 36000 MiB of free device memory",
  ];
  /** Its answer to everything but the usual questions is shell. */
  const look = async (serves: string, model = true) => {
    const folder = await temporaryDirectory();
    const help = `${HELP.split(" ").join(" X\\n")} X\\n--flash-attn on\\n`;
    const body = `case "$1" in --help) printf -- '${help}';; --version|--list-devices) echo "  MTL0: x (1024 MiB, 1 MiB free)";; *) ${serves};; esac`;
    const llamaServer = await script(folder, "stand-in-llama-server", body);
    if (model) await writeFile(join(folder, "a.gguf"), "a model");
    const where = { models: folder, state: folder, claims: folder, home: folder, mac: MAC };
    const subject = { llamaServer, ...where, system: "darwin", architecture: "arm64" } as const;
    const checks = await diagnose(subject, never);
    await rm(folder, { recursive: true });
    return checks.find(({ name }) => name === "projection");
  };

  it("is well where the table is printed, and kills what printed it", async () => {
    const check = await look(`printf '${TABLE.join("\\n")}\\n'; exec sleep 50`);
    assert.equal(check?.state, "ok", JSON.stringify(check));
    assert.match(check.found, /^1\.0 GiB for a\.gguf, read after \d\.\d s, before the weights$/);
  });

  it("is a warning where it ends without one, and where it stays silent", async () => {
    const ended = await look("echo 'a table of another shape'");
    assert.equal(ended?.state, "warning");
    assert.match(ended.found, /^no memory breakdown for a\.gguf \(.*a table of another shape.*\): budgets rest/);
    const silent = await look("exec sleep 50");
    assert.match(silent?.found ?? "", /^no memory breakdown for a\.gguf \(.* \d+ s\): budgets rest/);
  });
});
