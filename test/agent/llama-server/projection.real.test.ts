import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { readStatus } from "../../../agent/status/status-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  serversLeft,
  startAgent,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const FIXTURE = join(import.meta.dirname, "../../fixtures/breakdown/cpu-debug.log");
const MIB = 2 ** 20;
const ASKING = "asking llama-server how much memory it will reserve";

describe("the projection of a real llama-server", function () {
  this.timeout(180_000);
  let agent: AgentProcess;
  afterEach(() => stopped(agent));

  /** The first table, without the times. */
  const tableIn = (log: string) =>
    /breakdown_print(: \|.*)\n.*breakdown_print(: \|.*)\n/.exec(log)?.slice(1).join("\n");
  const noteIn = (notes: readonly string[]) => notes.find((note) => note.includes("memory breakdown"));
  const projectionLogOf = (site: Site) => readFile(join(site.state, "logs", "default_chat_projection.log"), "utf8");

  it("is asked for before the first start, and agrees with the estimate", async () => {
    const site = await newSite();
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent(site);
    await workloadOnce(site, "chat", ({ message }) => message === ASKING);
    const ready = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
    const { estimateBytes = 0, projectedBytes = 0 } = ready;
    // The estimate also counts the process and its token tables, some 55 MiB.
    const beyond = (estimateBytes - projectedBytes) / MIB;
    assert.ok(beyond > 40 && beyond < 70, `the estimate is ${beyond} MiB more than the projection`);
    assert.equal(noteIn(ready.notes), undefined);
    const log = await projectionLogOf(site);
    assert.match(log, /vocab type += no vocab/);
    // With its vocabulary it prints the same table.
    assert.equal(tableIn(log), tableIn(await readFile(FIXTURE, "utf8")));
    await stopped(agent);
    assert.deepEqual(await serversLeft(site), []);
  });

  it("is remembered by the next agent, for an unchanged model", async () => {
    const site = await newSite();
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent(site);
    const first = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
    await stopped(agent);
    const asked = await projectionLogOf(site);
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent(site);
    const second = await workloadOnce(site, "chat", ({ state, pid }) => state === "Ready" && pid !== first.pid);
    assert.equal(second.projectedBytes, first.projectedBytes);
    assert.equal(await projectionLogOf(site), asked);
  });

  it("loads no weights where its table cannot be read, and the status says why there is none", async () => {
    const site = await newSite();
    const wrapper = join(await temporaryDirectory(), "llama-server-without-a-table");
    const hidden = `"${site.llamaServer}" "$@" 2>&1 | grep -v --line-buffered memory_breakdown`;
    const asks = 'case "$*" in *--log-verbosity*)';
    await writeFile(wrapper, `#!/bin/sh\n${asks} ${hidden};; *) exec "${site.llamaServer}" "$@";; esac\n`);
    await chmod(wrapper, 0o755);
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent({ ...site, llamaServer: wrapper });
    const ready = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
    assert.equal(
      noteIn(ready.notes),
      "llama-server printed no memory breakdown (it was about to load the weights without one): the start goes on with the estimate alone",
    );
    const log = await projectionLogOf(site);
    assert.match(log, /no_alloc += 1/);
    assert.doesNotMatch(log, /no vocab/, "it was asked a second time, with its vocabulary");
    assert.doesNotMatch(log, /model buffer size = +[1-9]/);
    const status = await readStatus(site.state);
    assert.equal(status.ok && status.value.workloads[0]?.projectedBytes, undefined);
  });
});
