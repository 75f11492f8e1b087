import assert from "node:assert/strict";
import { openKernelLimit } from "../../../agent/kernel-limit/open.ts";
import { askTaskpolicy, type TaskpolicyAnswer, taskpolicyLimit } from "../../../agent/kernel-limit/taskpolicy.ts";
import { standInCommands } from "../host/stand-in-mac.ts";

const MIB = 2 ** 20;

/** getopt of macOS, as taskpolicy.c of system_cmds 970.0.4 to 1026.100.5 uses it, and the usage that follows. */
const NO_SUCH_OPTION =
  "echo 'taskpolicy: illegal option -- m' >&2; echo 'Usage: taskpolicy [-x|-X] <program>' >&2; exit 64";
/** Takes the option and runs the program. */
const TAKES_IT = '[ "$1" = -m ] && shift 2 && exec "$@"';
/** The kernel's part is played, too: what is more than a program that does nothing dies at its limit. */
const ENFORCES_IT = `[ "$1 $2" = "-m 64" ] && shift 2 && exec "$@"; [ "$1 $2" = "-m 128" ] && kill -9 $$; exit 1`;

describe("taskpolicy, on stand-ins for it", function () {
  this.timeout(60_000);
  const cases: readonly (readonly [
    script: string | undefined,
    answer: TaskpolicyAnswer,
    text: RegExp,
    runs: number,
  ])[] = [
    [undefined, "no-such-file", /^none: .*\/taskpolicy does not exist$/, 0],
    [NO_SUCH_OPTION, "no-such-option", /^none: .*does not know the option -m \(.*-m failed \(64\).*illegal option/, 1],
    ["exit 64", "no-such-option", /^none: .*does not know the option -m/, 1],
    [TAKES_IT, "ignored", /^none: .*takes the limit of taskpolicy -m, and does not enforce it$/, 2],
    [ENFORCES_IT, "enforced", /^taskpolicy -m$/, 2],
    ["exit 71", "no-answer", /^none: taskpolicy -m did not show whether it limits a process \(.*failed \(71\)/, 1],
    [
      `${ENFORCES_IT.replace("kill -9 $$", "exit 3")}`,
      "no-answer",
      /^none: taskpolicy -m did not show whether it limits a process$/,
      2,
    ],
  ];
  for (const [script, answer, text, runs] of cases) {
    it(`answers ${answer}, in a sentence of its own, where it is ${script ?? "missing"}`, async () => {
      const commands = await standInCommands();
      if (script !== undefined) await commands.command("taskpolicy", script);
      assert.equal((await askTaskpolicy(commands.mac)).answer, answer);
      assert.equal((await commands.started()).length, runs);
      const opened = await openKernelLimit("/state", "darwin", commands.mac);
      assert.match(opened.text, text);
      assert.equal(opened.limit !== undefined, answer === "enforced");
    });
  }

  it("gets the limit in whole MiB, before the program and its arguments, and can neither move it nor tell whom it killed", () => {
    const limit = taskpolicyLimit("/usr/sbin/taskpolicy");
    assert.deepEqual(limit.wrap({ file: "/bin/llama-server", args: ["--port", "1"] }, 512.5 * MIB), {
      file: "/usr/sbin/taskpolicy",
      args: ["-m", "513", "/bin/llama-server", "--port", "1"],
    });
    assert.deepEqual([limit.move("default_chat", 1), limit.breached("default_chat")], [false, undefined]);
  });
});
