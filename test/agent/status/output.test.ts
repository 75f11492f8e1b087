import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { openOutput } from "../../../agent/status/output.ts";

const MODULE = new URL("../../../agent/status/output.ts", import.meta.url);
const FULL_DISK = "/dev/full";

/** A process whose standard output is `stdout`, and that has an output named `output`; a lost line is said as "lost". */
function programWith(body: string, stdout: "pipe" | number = "pipe") {
  const program = `
    import { setTimeout as sleep } from "node:timers/promises";
    const { openOutput } = await import(${JSON.stringify(MODULE)});
    let lostLines = 0;
    const output = openOutput({ fd: 1, lost: (lines) => { lostLines += lines; output.write(\`lost \${lines}\\n\`); } });
    ${body}
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", stdout, "pipe"] });
  child.stdout?.pause();
  const { stderr } = child;
  assert(stderr);
  const said = text(stderr);
  return { child, said };
}

/** More than a pipe, the copier and what waits for it can hold together: 4 MiB. */
const FLOOD = `const line = "x".repeat(1023) + "\\n"; for (let n = 0; n < 4096; n += 1) output.write(line);`;

describe("the agent's own output", function () {
  this.timeout(30_000);

  it("has all lines, in their order, at a normal end", async () => {
    const body = `for (let n = 0; n < 2000; n += 1) output.write(\`\${n}\\n\`); await output.close(5000); process.exit(0);`;
    const { child, said } = programWith(body);
    assert(child.stdout);
    const lines = (await text(child.stdout)).trimEnd().split("\n");
    assert.deepEqual(
      lines,
      Array.from({ length: 2000 }, (_, n) => String(n)),
    );
    assert.equal(await said, "");
  });

  // Node.js throws the second error, as it does where there is no memory.
  for (const [code, copier] of [
    ["ENOENT", "/missing"],
    ["ENOTDIR", `${import.meta.filename}/missing`],
  ] as const) {
    it(`drops lines and never throws where the copier cannot be started (${code})`, async () => {
      const output = openOutput({ fd: 1, lost: () => assert.fail("nothing takes lines"), copier });
      for (let lines = 0; lines < 3; lines += 1) output.write("line\n");
      await sleep(50);
      output.write("line\n");
      await output.close(100);
    });
  }

  it("shows a line at once", async () => {
    const { child } = programWith(`output.write("one\\n"); await sleep(60_000);`);
    assert(child.stdout);
    const [chunk] = await once(child.stdout.resume(), "data");
    assert.equal(String(chunk), "one\n");
    child.kill("SIGKILL");
  });

  it("does not hold the process while nobody reads the pipe, and ends in its time", async () => {
    const { child, said } = programWith(`
      const began = performance.now();
      ${FLOOD}
      process.stderr.write(performance.now() - began < 2000 ? "free " : "held ");
      await output.close(300);
      process.stderr.write(performance.now() - began < 4000 ? "in time" : "late");
      process.exit(7);
    `);
    const [exitCode] = await once(child, "exit");
    assert.deepEqual([exitCode, await said], [7, "free in time"]);
    child.stdout?.destroy();
  });

  it("says how many lines were lost once the reader goes on, and each line is whole", async () => {
    const { child, said } = programWith(`
      ${FLOOD}
      while (lostLines === 0) await sleep(20);
      output.write("after\\n");
      await output.close(5000);
      process.stderr.write(String(lostLines));
      process.exit(0);
    `);
    await sleep(1000);
    assert(child.stdout);
    const lines = (await text(child.stdout)).trimEnd().split("\n");
    const whole = lines.filter((line) => line === "x".repeat(1023)).length;
    assert.deepEqual(lines.slice(whole), [`lost ${4096 - whole}`, "after"]);
    assert.equal(await said, String(4096 - whole));
  });

  it("takes a reader that has gone for no error", async () => {
    const { child, said } = programWith(`
      for (let n = 0; n < 40; n += 1) { output.write("line\\n"); await sleep(10); }
      await output.close(1000);
      process.exit(7);
    `);
    child.stdout?.destroy();
    const [exitCode] = await once(child, "exit");
    assert.deepEqual([exitCode, await said], [7, ""]);
  });

  it("goes on, and says what was lost, where the process that writes was ended, and the wall clock set back", async () => {
    const { child } = programWith(`
      import { execSync } from "node:child_process";
      output.write("before\\n");
      await sleep(2500);
      const rows = execSync("ps -A -o pid=,ppid=,comm=", { encoding: "utf8" }).split("\\n").map((row) => row.trim().split(/ +/));
      const [pid] = rows.find(([, parent, name]) => Number(parent) === process.pid && name.endsWith("cat")) ?? [];
      process.kill(Number(pid), "SIGKILL");
      const wall = Date.now;
      await sleep(300);
      Date.now = () => wall() - 3_600_000;
      while (lostLines === 0) { output.write("."); await sleep(100); }
      await output.close(5000);
      process.exit(0);
    `);
    assert(child.stdout);
    assert.match(await text(child.stdout), /^before\nlost \d+\n\.*$/);
  });

  it("takes a full disk for no error", async function () {
    if (!existsSync(FULL_DISK)) return this.skip();
    const full = openSync(FULL_DISK, "w");
    const { child, said } = programWith(
      `for (let n = 0; n < 40; n += 1) { output.write("line\\n"); await sleep(10); }
      await output.close(1000);
      process.exit(7);`,
      full,
    );
    closeSync(full);
    const [exitCode] = await once(child, "exit");
    assert.deepEqual([exitCode, await said], [7, ""]);
  });
});
