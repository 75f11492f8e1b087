import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";

const LOG = pathToFileURL(join(import.meta.dirname, "../../../agent/status/log.ts")).href;
const EVIL = "x\u001b]0;owned\u0007\u009b2J\u202e\u007fy";

/** What a process prints that logs this text as a message, and as a field of a change. */
async function logged(format: "json" | "text"): Promise<string> {
  const program = `
    const { openLog } = await import(${JSON.stringify(LOG)});
    const { logger, close } = await openLog(${JSON.stringify(format)});
    const evil = ${JSON.stringify(EVIL)};
    logger.warn(evil);
    logger.warn({ workload: "default/chat", state: "Failed", detail: evil }, "workload changed");
    await close(10_000);`;
  const { stdout } = await execa(process.execPath, ["--input-type=module", "--eval", program]);
  return stdout;
}

describe("the agent's log", function () {
  this.timeout(60_000);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const commands = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/;

  it("is text that no terminal obeys", async () => {
    const text = await logged("text");
    assert.doesNotMatch(text, commands);
    assert.match(text, /x\ufffd\]0;owned\ufffd\ufffd2J\ufffd\ufffdy/);
    assert.match(text, /default\/chat: Failed, x\ufffd\]0;owned/);
  });

  it("is JSON that no terminal obeys and that programs read as it was", async () => {
    const text = await logged("json");
    assert.doesNotMatch(text, commands);
    const [first, second] = text.split("\n").map((line) => JSON.parse(line));
    assert.equal(first.msg, EVIL);
    assert.equal(second.detail, EVIL);
  });
});
