import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import getPort from "get-port";
import { sumOf } from "../../../memory/estimate/estimate.ts";
import { openChromium } from "../../support/chromium.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

describe("the window of a real agent", function () {
  this.timeout(180_000);
  let site: Site;
  let agent: AgentProcess;

  beforeEach(async () => {
    site = await newSite();
  });

  afterEach(async () => stopped(agent));

  it("shows a real llama-server with real weights: parts, metrics, page, and nothing once the agent is gone", async () => {
    await writeManifests(site, "chat", { port: await getPort() });
    agent = startAgent(site, "--listen", "127.0.0.1:0");
    // A sample may be a second old, and so be from before the weights were read.
    const isMeasured = ({ state, measuredBytes = 0 }: { state: string; measuredBytes?: number | undefined }) =>
      state === "Ready" && measuredBytes >= 100e6;
    const { estimateParts = {}, estimateBytes, pid } = await workloadOnce(site, "chat", isMeasured);
    assert.equal(sumOf(estimateParts), estimateBytes);
    const { agent: said } = await statusOnce(site, (status) => status.agent.availableBytes !== undefined);
    assert((said.availableBytes ?? 0) > 0 && (said.availableBytes ?? 0) <= said.hostMemoryBytes);
    const { pageUrl = "" } = said;
    assert.match(pageUrl, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    assert.equal((await fetch(`${pageUrl}readyz`)).status, 200);
    const metrics = await (await fetch(`${pageUrl}metrics`)).text();
    assert.match(metrics, /^llmkube_metal_agent_process_healthy\{namespace="default",name="chat"\} 1$/m);
    assert.match(metrics, /^llmkube_metal_agent_process_footprint_bytes\{namespace="default",name="chat"\} \d{9}$/m);
    assert.match(metrics, /^llmkube_metal_agent_tick_duration_seconds_count [1-9]/m);
    assert.match(await (await fetch(`${pageUrl}api/v1/status`)).text(), new RegExp(`"pid": ${pid},?\n`));

    const browser = await openChromium();
    if (browser !== undefined) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 700 } });
      await page.goto(pageUrl);
      await page.locator('[data-model="default/chat"] .badge', { hasText: "Ready" }).waitFor();
      const folder = join(import.meta.dirname, "../../../test-output/status-page");
      await page.screenshot({ path: join(folder, "real-agent.png"), fullPage: true });
      await browser.close();
    }
    assert.equal(await stopped(agent), 0);
    await assert.rejects(fetch(pageUrl));
  });

  it("runs without a window where the port is taken, and says so", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert(typeof address === "object" && address !== null);
    agent = startAgent(site, "--listen", `127.0.0.1:${address.port}`);
    const { agent: said } = await statusOnce(site, (status) => status.agent.problems.length > 0);
    other.close();
    assert.match(said.problems.join("\n"), /^no status page and no metrics at .* \(the port is in use\)/);
    assert.equal(said.pageUrl, undefined);
    assert.match(agent.output(), /no status page and no metrics at/);
    assert.equal(await stopped(agent), 0);
  });
});
