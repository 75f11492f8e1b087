import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "plist";
import { DEFAULT_GRACE_PERIOD_MS } from "../../../agent/workload/workload.ts";
import { carriedEnvironment } from "../../../cli/install/environment.ts";
import { asUser, unmetNeeds } from "../../../cli/install/facts.ts";
import { guardedPlace, homebrewLink, shortLived } from "../../../cli/install/paths.ts";
import { type Facts, installPlan } from "../../../cli/install/plan.ts";
import { daemonPlist, LABEL } from "../../../cluster/launchd.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { FACTS, script } from "./launchd-scene.ts";

describe("the plan of an installation", () => {
  it("has Homebrew's links for what it keeps by version, and only the options that were given", () => {
    const { daemon, refusals, warnings, notes } = installPlan(FACTS);
    assert.deepEqual(daemon.command, [
      "/opt/homebrew/opt/node/bin/node",
      FACTS.program,
      "agent",
      "--llama-server",
      "/opt/homebrew/bin/llama-server",
      "--manifests",
      "/Users/ada/m",
    ]);
    assert.deepEqual([refusals, warnings, notes], [[], [], []]);
  });

  const home = (path: string): Partial<Facts> => ({ user: { name: "ada", uid: 501, home: path } });
  const manifests = (value: string): Partial<Facts> => ({ options: [{ flag: "--manifests", value, use: "list" }] });
  const cases: readonly (readonly [what: string, Partial<Facts>, refused: RegExp | undefined, warned?: RegExp])[] = [
    [
      "the package in npx's cache",
      { program: "/Users/ada/.npm/_npx/1a/node_modules/p/bin/p.js" },
      /^pulumi-llmkube is .*_npx.*npm install --global/,
    ],
    [
      "a node of fnm's shell",
      { node: "/Users/ada/.local/state/fnm_multishells/1_2/bin/node" },
      /^Node\.js is .*fnm removes it when the shell ends/,
    ],
    [
      "a llama-server in /tmp",
      { llamaServer: "/private/tmp/llama/bin/llama-server" },
      undefined,
      /macOS empties this folder/,
    ],
    [
      "a node of nvm",
      { node: "/Users/ada/.nvm/versions/node/v24.1.0/bin/node" },
      undefined,
      /nvm removes it with its version: brew install node/,
    ],
    ["a keg without a link", { hasLink: () => false }, undefined, /Node\.js is .*Cellar.*next upgrade/],
    ["a user without a home", home(""), /^the user ada has no home folder \(none\).*--user/],
    ["a user whose home is empty", home("/var/empty"), /has no home folder \(\/var\/empty\)/],
    [
      "root",
      { user: { name: "root", uid: 0, home: "/var/root" } },
      undefined,
      /^the agent will run as root, which it does not need/,
    ],
    [
      "manifests in Documents",
      manifests("/Users/ada/Documents/m"),
      undefined,
      /^--manifests .* is in the Documents folder, which macOS privacy.*give \/opt\/homebrew\/opt\/node\/bin\/node Full Disk Access/,
    ],
    [
      "manifests in a folder that is emptied",
      manifests("/tmp/m"),
      undefined,
      /^--manifests is \/tmp\/m, which will not stay/,
    ],
    [
      "models on an external disk, by default",
      { models: "/Volumes/Big/models" },
      undefined,
      /^the models folder .* is in an external or network volume/,
    ],
    [
      "a link into a cloud drive",
      { realPath: (path) => (path === "/Users/ada/m" ? "/Users/ada/Library/CloudStorage/X/m" : path) },
      undefined,
      /^--manifests \/Users\/ada\/m is in a cloud drive/,
    ],
  ];
  for (const [what, part, refused, warned] of cases) {
    it(`${refused === undefined ? "warns of" : "refuses"} ${what}`, () => {
      const { refusals, warnings } = installPlan({ ...FACTS, ...part });
      assert.equal(refusals.length, refused === undefined ? 0 : 1, refusals.join("\n"));
      assert.equal(warnings.length, warned === undefined ? 0 : 1, warnings.join("\n"));
      if (refused !== undefined) assert.match(refusals.join(), refused);
      if (warned !== undefined) assert.match(warnings.join(), warned);
    });
  }

  it("makes a daemon of the user's, restarted unless it was stopped, with time to drain", () => {
    const plan = installPlan({ ...FACTS, env: { HF_ENDPOINT: "https://mirror.example" } });
    const daemon: unknown = parse(daemonPlist(plan.daemon));
    assert.ok(typeof daemon === "object" && daemon !== null);
    const { ExitTimeOut, ...rest } = Object.fromEntries(Object.entries(daemon));
    assert.ok(Number(ExitTimeOut) * 1000 > DEFAULT_GRACE_PERIOD_MS);
    const log = "/Users/ada/Library/Logs/pulumi-llmkube-agent.log";
    assert.deepEqual(rest, {
      Label: LABEL,
      ProgramArguments: plan.daemon.command,
      UserName: "ada",
      EnvironmentVariables: {
        HOME: "/Users/ada",
        HF_ENDPOINT: "https://mirror.example",
        PULUMI_LLMKUBE_AGENT_LOG: log,
      },
      WorkingDirectory: "/Users/ada",
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 10,
      ProcessType: "Interactive",
      AbandonProcessGroup: false,
      StandardOutPath: log,
      StandardErrorPath: log,
    });
  });

  it("keeps spaces, ampersands and other characters of paths in the launchd file", () => {
    const value = `/Users/ada/R & D <"'>/Модели 模型`;
    const daemon: unknown = parse(daemonPlist(installPlan({ ...FACTS, ...manifests(value) }).daemon));
    assert.ok(typeof daemon === "object" && daemon !== null && "ProgramArguments" in daemon);
    assert.equal(Object.values(Object(daemon.ProgramArguments)).at(-1), value);
  });
});

describe("paths of an installation", () => {
  const links: readonly (readonly [path: string, link: string | undefined])[] = [
    ["/opt/homebrew/Cellar/node@22/22.20.0_1/bin/node", "/opt/homebrew/opt/node@22/bin/node"],
    ["/usr/local/Cellar/llama.cpp/10900/bin/llama-server", "/usr/local/opt/llama.cpp/bin/llama-server"],
    ["/opt/homebrew/bin/node", undefined],
    ["/opt/homebrew/Cellar/node/24.1.0", undefined],
  ];
  for (const [path, link] of links)
    it(`${path}: ${link ?? "names no version"}`, () => assert.equal(homebrewLink(path), link));

  const lives: readonly (readonly [path: string, certain: boolean | undefined])[] = [
    ["/Users/ada/.npm/_npx/1/node_modules/pulumi-llmkube/bin/x.js", true],
    ["/Users/ada/Library/Caches/pnpm/dlx-1/x.js", true],
    ["/private/tmp/bunx-501-p/x.js", true],
    ["/var/folders/ab/cd/T/x", false],
    ["/Users/ada/.local/share/fnm/node-versions/v24.1.0/installation/bin/node", false],
    ["/Users/ada/.asdf/installs/nodejs/24.1.0/bin/node", false],
    ["/Users/ada/.asdf/shims/node", false],
    ["/Users/ada/.local/share/mise/installs/node/24/bin/node", false],
    ["/Users/ada/.volta/tools/image/node/24.1.0/bin/node", false],
    ["/nix/store/abc-nodejs/bin/node", false],
    ["/usr/local/bin/node", undefined],
    ["/opt/homebrew/opt/node/bin/node", undefined],
    ["/Users/ada/tmp/node", undefined],
  ];
  for (const [path, certain] of lives) {
    it(`${path}: ${certain === undefined ? "stays" : certain ? "vanishes" : "may vanish"}`, () =>
      assert.equal(shortLived(path)?.certain, certain));
  }

  const places: readonly (readonly [path: string, place: string | undefined])[] = [
    ["/Users/ada/Documents", "the Documents folder"],
    ["/users/ada/documents/x", "the Documents folder"],
    ["/Users/ada/Library/Mobile Documents/com~apple~CloudDocs/x", "iCloud Drive"],
    ["/Volumes/Big/x", "an external or network volume"],
    ["/Users/ada/Documents2/x", undefined],
    ["/Users/bob/Documents/x", undefined],
    ["/Users/ada/models", undefined],
  ];
  for (const [path, place] of places) {
    it(`${path}: ${place ?? "is open"}`, () => assert.equal(guardedPlace(path, "/Users/ada"), place));
  }
});

describe("what a daemon takes over from the shell", () => {
  const cases: readonly (readonly [
    what: string,
    env: Record<string, string>,
    variables: Record<string, string>,
    note?: RegExp,
  ])[] = [
    [
      "a proxy",
      { HTTPS_PROXY: "http://proxy:3128", no_proxy: "localhost" },
      { HTTPS_PROXY: "http://proxy:3128", no_proxy: "localhost" },
    ],
    [
      "a proxy with a password",
      { HTTPS_PROXY: "http://ada:pw@proxy:3128" },
      {},
      /^HTTPS_PROXY holds a user or password/,
    ],
    ["a proxy with a password and no scheme", { http_proxy: "ada:pw@proxy:3128" }, {}, /^http_proxy holds/],
    ["a mirror", { HF_ENDPOINT: "https://mirror.example/a@b" }, { HF_ENDPOINT: "https://mirror.example/a@b" }],
    ["a token", { HF_TOKEN: "hf_x" }, {}, /^HF_TOKEN is not written .*token \(chmod 600\)$/],
    ["where the token file is", { HF_HOME: "/Users/ada/hf" }, { HF_HOME: "/Users/ada/hf" }],
    ["a folder that is relative", { HF_HOME: "hf" }, {}, /^HF_HOME is no absolute path/],
    ["settings of ours", { PULUMI_LLMKUBE_HEADER_CACHE: "/c" }, { PULUMI_LLMKUBE_HEADER_CACHE: "/c" }],
    ["the claims, which are an option", { PULUMI_LLMKUBE_CLAIMS: "/c" }, {}],
    [
      "settings of llama.cpp",
      { GGML_METAL_NO_RESIDENCY: "1", LLAMA_ARG_CTX_SIZE: "1" },
      {},
      /^the daemon will not have GGML_METAL_NO_RESIDENCY, LLAMA_ARG_CTX_SIZE/,
    ],
    ["anything else", { EDITOR: "vi", AWS_SECRET_ACCESS_KEY: "x" }, {}],
  ];
  for (const [what, env, variables, note] of cases) {
    it(`${what}: ${Object.keys(variables).join(", ") || "nothing"}`, () => {
      const carried = carriedEnvironment(env, false);
      assert.deepEqual(carried.variables, variables);
      assert.equal(carried.notes.length, note === undefined ? 0 : 1, carried.notes.join("\n"));
      if (note !== undefined) assert.match(carried.notes.join(), note);
    });
  }

  it("says that sudo has hidden it, where there is no proxy", () => {
    assert.match(carriedEnvironment({}, true).notes.join(), /sudo --preserve-env=HTTPS_PROXY/);
    assert.deepEqual(carriedEnvironment({ HTTPS_PROXY: "http://p:1" }, true).notes, []);
  });
});

describe("what the user of a daemon may do", () => {
  it("is tried as that user, through sudo where somebody else asks", async () => {
    const folder = await temporaryDirectory();
    const sudo = await script(folder, "stand-in-sudo", `printf '%s\n' "$*" >> "${folder}/asked"; shift 4; exec "$@"`);
    const own = process.getuid?.() ?? 0;
    const run = asUser({ name: "ada", uid: own + 1, home: "" }, { sudo });
    await run(["/bin/echo", "x"]);
    const direct = asUser({ name: "me", uid: own, home: "" }, { sudo });
    assert.deepEqual(await direct(["/bin/echo", "y"]), { ok: true, value: "y\n" });
    assert.equal(await readFile(join(folder, "asked"), "utf8"), "-n -u ada -- /bin/echo x\n");
  });

  it("is refused with a sentence for each path", async () => {
    const folder = await temporaryDirectory();
    await mkdir(join(folder, "a & b"));
    await writeFile(join(folder, "a & b/file"), "");
    const server = await script(folder, "stand-in-llama-server", "exit 0");
    const run = asUser({ name: "ada", uid: process.getuid?.() ?? 0, home: "" }, { sudo: "/no/sudo" });
    const need = (what: string, path: string, use: "run" | "read" | "list" | "write") => ({ what, path, use });
    const met = [
      need("--llama-server", server, "run"),
      need("--api-key-file", join(folder, "a & b/file"), "read"),
      need("--manifests", join(folder, "a & b"), "list"),
      need("--models", join(folder, "a & b/not/there/yet"), "write"),
    ];
    assert.deepEqual(await unmetNeeds(met, { name: "ada", uid: 0, home: "" }, run), []);
    const file = join(folder, "a & b/file");
    const unmet = [
      need("--llama-server", file, "run"),
      need("--llama-server", folder, "run"),
      need("--api-key-file", join(folder, "none"), "read"),
      need("--manifests", file, "list"),
      need("--models", join(file, "below"), "write"),
    ];
    const said = await unmetNeeds(unmet, { name: "ada", uid: 0, home: "" }, run);
    assert.equal(said.length, unmet.length, said.join("\n"));
    assert.equal(said[0], `--llama-server ${file}: for the user ada this is no program that it may run`);
  });
});
