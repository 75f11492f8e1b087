import assert from "node:assert/strict";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileGate } from "../../../agent/files/gate.ts";
import { fileLooks } from "../../../agent/files/looks.ts";
import { parseBuild } from "../../../agent/llama-server/build.ts";
import { EVERY_OPTION, lostOptions } from "../../../agent/llama-server/flags.ts";
import { type InstalledServer, installedServer, pathOfCommand } from "../../../agent/llama-server/installed.ts";
import { readSupportedFlags, type SupportedFlags } from "../../../agent/llama-server/supported-flags.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** What every server is started with. */
const EVERY = lostOptions(EVERY_OPTION, new Set());

describe("the llama-server on the disk", () => {
  let path: string;
  let now: number;
  let asked: number;
  let answer: Result<SupportedFlags>;
  let builds: string[];
  let server: InstalledServer;
  const [old, other] = [new Set([...EVERY, "--old"]), new Set([...EVERY, "--new"])];

  beforeEach(async () => {
    path = join(await temporaryDirectory(), "llama-server");
    await writeFile(path, "one", { mode: 0o755 });
    now = 0;
    asked = 0;
    answer = ok(other);
    builds = ["version: 9776 (abc)"];
    const clock = () => now;
    server = installedServer({
      path,
      options: old,
      ask: async () => {
        asked += 1;
        return answer;
      },
      askBuild: async () => parseBuild(builds.shift() ?? ""),
      looks: fileLooks(fileGate(clock), () => {}, clock),
      changed: () => {},
      clock,
      now: () => new Date(0),
    });
    await looks(3);
  });

  /** Some seconds pass. */
  const looks = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      server.view();
      await sleep(5);
      now += 1000;
    }
  };
  /** Its build is asked for when somebody wants the notes. */
  const notedIn = async (count: number) => {
    server.notes();
    await sleep(5);
    assert.equal(server.notes().length, count, server.notes().join("\n"));
  };
  const replace = async (text: string) => {
    await writeFile(`${path}.new`, text, { mode: 0o755 });
    await rename(`${path}.new`, path);
  };

  it("is not asked again while it is the same", async () => {
    await looks(10);
    assert.deepEqual([asked, server.options(), server.notes(), server.problems()], [0, old, [], []]);
  });

  it("is asked anew, once, when it was replaced, and a note says what runs on", async () => {
    builds.push("version: 9777 (def)");
    await replace("two");
    await looks(10);
    assert.deepEqual([asked, server.view(), server.options()], [1, { state: "usable", options: other }, other]);
    await notedIn(1);
    assert.match(
      server.notes().join(),
      /was replaced, seen at 1970-.*: servers that already run keep the old one until they are started again$/,
    );
  });

  it("says which options of every server it has lost, and that a recent one without them is not understood", async () => {
    answer = ok(new Set(EVERY.filter((option) => option !== "--cache-ram")));
    builds.push("version: 0.9.0 (build 12000, commit abc)");
    await replace("two");
    await looks(5);
    await notedIn(2);
    const [replaced = "", unknown = ""] = server.notes();
    assert.match(replaced, /; new ones start without --cache-ram, which it does not support$/);
    assert.match(unknown, /^this llama-server does not support --cache-ram, so its memory may grow past the estimate/);
  });

  it("says that it is older than its estimate, and asks again when it is another one", async () => {
    builds = ["version: 9000 (abc)", "version: 9777 (def)"];
    await notedIn(1);
    assert.match(server.notes().join(), /^llama-server is build 9000, and estimates hold from build 9460 on/);
    answer = ok(old);
    await replace("two");
    await looks(5);
    server.notes();
    await sleep(5);
    assert.match(server.notes().join(), /^[^,]* was replaced, seen at [^,]*$/);
  });

  it("is waited for, not guessed at, while it is asked", async () => {
    const { promise, resolve } = Promise.withResolvers<Result<SupportedFlags>>();
    answer = promise as unknown as Result<SupportedFlags>;
    await replace("two");
    await looks(3);
    assert.equal(server.view().state, "asking");
    resolve(ok(other));
    await looks(2);
    assert.equal(server.view().state, "usable");
  });

  it("is a problem while it cannot be run, and is tried again though the file stays the same", async () => {
    answer = fail("llama-server --help failed (SIGABRT): Library not loaded");
    await replace("two");
    await looks(5);
    const view = server.view();
    assert.ok(view.state === "unusable");
    assert.match(view.failure.error, /Library not loaded.*was replaced while the agent ran$/);
    assert.match(server.problems().join(), /^nothing can be started: llama-server --help failed/);
    answer = ok(other);
    await looks(20);
    assert.deepEqual([server.view().state, server.problems()], ["usable", []]);
  });

  it("is a problem while it is away, as in the middle of an upgrade", async () => {
    await rm(path);
    await looks(3);
    assert.match(server.problems().join(), /does not exist any more: install llama\.cpp/);
    await replace("two");
    await looks(5);
    assert.deepEqual([server.problems(), server.options()], [[], other]);
  });

  it("is asked anew where it refused one of its flags: its libraries may be others", async () => {
    server.doubt();
    await looks(3);
    assert.deepEqual([asked, server.options(), server.notes().length], [1, other, 1]);
    server.doubt();
    await looks(3);
    assert.deepEqual([asked, server.notes().length], [2, 1]);
  });

  it("says why it does not run, and what to do about libraries that do not fit", async () => {
    await writeFile(path, "#!/bin/sh\necho 'dyld[1]: Library not loaded: @rpath/libllama.dylib' >&2; exit 134\n");
    const flags = await readSupportedFlags(path);
    assert.ok(!flags.ok);
    assert.match(
      flags.error,
      /cannot load its libraries \("dyld\[1\]: Library not loaded: @rpath\/libllama\.dylib"\): .*brew reinstall/,
    );
  });

  it("is found by PATH", async () => {
    const [folder] = path.split("/llama-server");
    assert.equal(await pathOfCommand("llama-server", `/nowhere:${folder}`), path);
    assert.equal(await pathOfCommand("llama-server", "/nowhere"), "llama-server");
    assert.equal(await pathOfCommand("/a/b", folder), "/a/b");
    await chmod(path, 0o644);
  });
});
