import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { readApiKeys } from "../../../agent/llama-server/api-key.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import {
  type AgentProcess,
  newSite,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const KEY = "a-key-of-this-test";

describe("keys of the servers", function () {
  this.timeout(180_000);
  let agent: AgentProcess | undefined;
  let file = "";
  beforeEach(async () => {
    file = join(await temporaryDirectory(), "keys");
    await writeFile(file, `\n${KEY}\nanother\n`, { mode: 0o600 });
  });
  afterEach(async () => agent && stopped(agent));

  it("are read from a file that only its owner can read", async () => {
    const read = await readApiKeys(file);
    assert(read.ok);
    assert.equal(read.value.first, KEY);
    await writeFile(file, `\n${KEY}\nyet another\n`);
    const changed = await readApiKeys(file);
    assert.notEqual(changed.ok && changed.value.digest, read.value.digest);
    await chmod(file, 0o640);
    const open = await readApiKeys(file);
    assert.match(open.ok ? "" : open.error, /can be read by other users: run chmod 600 on it$/);
    await writeFile(file, "\n");
    await chmod(file, 0o600);
    const empty = await readApiKeys(file);
    assert.match(empty.ok ? "" : empty.error, /holds no key/);
    const missing = await readApiKeys(`${file}-missing`);
    assert.match(missing.ok ? "" : missing.error, /cannot be read \(ENOENT\)/);
    const pipe = `${file}-pipe`;
    execFileSync("mkfifo", ["-m", "600", pipe]);
    const piped = await readApiKeys(pipe);
    assert.match(piped.ok ? "" : piped.error, /is not a file/);
  });

  it("are required by a real llama-server, and appear in no argument and no log", async () => {
    const site = await newSite();
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent(site, "--api-key-file", file);
    const { endpoint = "", pid } = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
    const ask = async (headers: Readonly<Record<string, string>>) => {
      const body = JSON.stringify({ prompt: "Hello", max_tokens: 1 });
      return (await fetch(`${endpoint}/completions`, { method: "POST", headers, body })).status;
    };
    assert.equal(await ask({}), 401);
    assert.equal(await ask({ authorization: `Bearer ${KEY}` }), 200);
    assert.ok(!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(KEY));
    assert.ok(!agent.output().includes(KEY));
    assert.ok(!readFileSync(join(site.state, "logs", "default_chat.log"), "utf8").includes(KEY));
  });

  it("rotate: the real servers restart one by one, and their last good keys stay while the file is open to others", async () => {
    const site = await newSite();
    for (const name of ["a", "b"]) await writeManifests(site, name, { port: await getPort() });
    agent = startAgent(site, "--api-key-file", file);
    const ready = ({ state }: { readonly state: string }) => state === "Ready";
    const [a, b] = [await workloadOnce(site, "a", ready), await workloadOnce(site, "b", ready)];
    const before = [a.pid, b.pid];

    await chmod(file, 0o640);
    const { workloads } = await statusOnce(site, ({ agent: { problems } }) => /chmod 600/.test(problems.join()));
    assert.deepEqual([workloads.map(({ pid }) => pid), workloads.every(ready)], [before, true]);

    // Both at once: the file is good again, and holds another key.
    await writeFile(`${file}.new`, "a-new-key\n", { mode: 0o600 });
    await rename(`${file}.new`, file);
    const reasons = new Set<string | undefined>();
    const both = await statusOnce(site, ({ workloads: now }) => {
      assert.ok(now.some(ready), "one of the two serves at any time");
      for (const { reason } of now) reasons.add(reason);
      return now.every((one, index) => ready(one) && one.pid !== before[index]);
    });
    assert.ok(reasons.has("KeyChanged"), [...reasons].join());
    assert.deepEqual(both.agent.problems, []);
    for (const { endpoint } of both.workloads) {
      const ask = async (key: string) =>
        (await fetch(`${endpoint?.replace("/v1", "")}/props`, { headers: { authorization: `Bearer ${key}` } })).status;
      assert.deepEqual([await ask("a-new-key"), await ask(KEY)], [200, 401]);
    }
  });
});
