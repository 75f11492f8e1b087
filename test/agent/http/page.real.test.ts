import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import { type HttpServer, serveHttp } from "../../../agent/http/server.ts";
import { viewOfLoop } from "../../../agent/http/view.ts";
import { formatAgo } from "../../../api/duration.ts";
import { formatBytes } from "../../../api/quantity.ts";
import { PART_GROUPS } from "../../../memory/estimate/parts.ts";
import { openChromium } from "../../support/chromium.ts";
import { aStatus, aWorkloadStatus, BUSY, budgetOf, GIB, MIB, ON_DEMAND } from "./recorded.ts";

const SCREENSHOTS = join(import.meta.dirname, "../../../test-output/status-page");
const MINUTE_MS = 60_000;
const WIDTHS = { phone: 360, desktop: 1280 } as const;

describe("the status page in headless Chromium", function () {
  this.timeout(60_000);
  let browser: Browser | undefined;
  let page: Page;
  let view: ReturnType<typeof viewOfLoop>;
  let server: HttpServer;
  let complaints: string[];

  before(async function () {
    this.timeout(1_200_000);
    browser = await openChromium();
    if (browser === undefined) this.skip();
    await mkdir(SCREENSHOTS, { recursive: true });
  });

  after(async () => browser?.close());

  beforeEach(async () => {
    view = viewOfLoop(() => performance.now());
    server = await serve(0);
    complaints = [];
  });

  afterEach(async () => {
    await page?.context().close();
    await server.close();
  });

  async function serve(port: number): Promise<HttpServer> {
    const served = await serveHttp({ host: "127.0.0.1", port }, view, agentMetrics("1"));
    assert(served.ok, served.ok ? "" : served.error);
    return served.value;
  }

  async function visit(width: number, colorScheme: "light" | "dark" = "light"): Promise<void> {
    assert(browser);
    page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(server.url);
  }

  const text = async (selector: string) => (await page.locator(selector).textContent()) ?? "";
  const connection = async (says: RegExp) => page.locator("#connection").filter({ hasText: says }).waitFor();
  const screenshot = async (name: string) =>
    page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  const overflow = async () =>
    page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

  for (const [device, width] of Object.entries(WIDTHS)) {
    for (const colors of ["light", "dark"] as const) {
      it(`shows every model, and what each has of its budget, on a ${device} in ${colors} colours`, async () => {
        view.show(BUSY);
        await visit(width, colors);
        await connection(/^live$/);
        assert.equal(await text("#summary"), "6.3 GiB measured of 10.7 GiB for models, 16.0 GiB in total");
        for (const { name, state, message = "" } of BUSY.workloads) {
          const model = page.locator(`[data-model="${name}"]`);
          assert.equal(await model.locator("th").textContent(), name);
          assert.equal(await model.locator(".badge").textContent(), state);
          if (message !== "") assert(((await model.locator(".why").textContent()) ?? "").endsWith(message));
        }
        const legend = await page.locator("#parts li").allTextContents();
        assert.deepEqual(legend, [...Object.values(PART_GROUPS), "measured", "budget"]);
        const chat = page.locator('[data-model="default/chat"]');
        assert.deepEqual(
          await chat.locator("td.number").allTextContents(),
          [5300 * MIB, 5150 * MIB, 6 * GIB].map(formatBytes),
        );
        assert.equal(
          await chat.locator(".figures").textContent(),
          "weights 4.2 GiB · KV cache 512.0 MiB · compute 360.0 MiB · prompt cache 28.0 MiB, budget 6.0 GiB (absolute from CRD)",
        );
        assert.equal(await chat.getByRole("link").textContent(), "http://127.0.0.1:8080/v1");
        assert.equal(await chat.getByRole("link").getAttribute("href"), "http://127.0.0.1:8080/v1/models");
        assert.match(await text("#problems li"), /^bad\.yaml: /);
        assert.equal(await overflow(), 0);
        await screenshot(`${device}-${colors}`);
        assert.deepEqual(complaints, []);
      });
    }
  }

  for (const [device, width] of Object.entries(WIDTHS)) {
    for (const colors of ["light", "dark"] as const) {
      it(`shows who sleeps, who is asked for, and who was unloaded last, on a ${device} in ${colors} colours`, async () => {
        view.show(ON_DEMAND);
        await visit(width, colors);
        await connection(/^live$/);
        const rows = ON_DEMAND.workloads.map(async ({ name }) => {
          const model = page.locator(`[data-model="${name}"]`);
          return [await model.locator(".badge").textContent(), await model.locator("td.requests").textContent()];
        });
        assert.deepEqual(await Promise.all(rows), [
          ["Ready", `2 in flight${formatAgo(1000)}`],
          ["Starting", `3 waiting${formatAgo(2000)}`],
          ["Sleeping", formatAgo(48 * MINUTE_MS)],
          ["Sleeping", formatAgo(3 * MINUTE_MS)],
          ["Sleeping", "never"],
          ["Failed", formatAgo(30 * MINUTE_MS)],
        ]);
        const link = page.locator("#gateway").getByRole("link");
        assert.deepEqual(
          [await link.textContent(), await link.getAttribute("href")],
          ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/models"],
        );
        assert.equal(await text("#asleep"), "3 of 6 models asleep; a request wakes them");
        assert.deepEqual(await page.locator("#unloads li").allTextContents(), [
          "default/writer10s agoMadeRoom: needs 3.4 GiB, 2.1 GiB were left; default/writer was used least recently",
          "default/summary38m agoIdle: nobody asked for it for 10m",
        ]);
        assert.equal(await overflow(), 0);
        await screenshot(`gateway-${device}-${colors}`);
        assert.deepEqual(complaints, []);
      });
    }
  }

  it("has a sleeping model in the colour of neither a failure nor a success, and names the column of its requests", async () => {
    view.show(ON_DEMAND);
    await visit(WIDTHS.desktop);
    await connection(/^live$/);
    const color = async (name: string) =>
      page.evaluate<string>(`getComputedStyle(document.querySelector('[data-model="${name}"] .badge')).color`);
    const colors = await Promise.all(["default/summary", "default/chat", "research/big"].map(color));
    assert.equal(new Set(colors).size, 3);
    const columns = ["Model", "State", "Estimate", "Measured", "Budget", "Requests", "Endpoint"];
    assert.deepEqual(await page.getByRole("columnheader").allTextContents(), columns);
  });

  it("follows a model that falls asleep, and a gateway that comes", async () => {
    view.show(aStatus([aWorkloadStatus("default/a")]));
    await visit(WIDTHS.phone);
    await connection(/^live$/);
    assert.deepEqual(
      [await page.locator("#gateway").isVisible(), await page.locator("td.requests").isVisible()],
      [false, false],
    );
    const demand = { waiting: 0, inFlight: 0 };
    const gatewayUrl = "http://127.0.0.1:8000/v1";
    view.show(aStatus([aWorkloadStatus("default/a", { demand })], { gatewayUrl }));
    await page.locator("#gateway", { hasText: "0 of 1 models asleep" }).waitFor();
    assert.equal(await text("#no-unloads"), "None.");
    view.show(aStatus([aWorkloadStatus("default/a", { state: "Sleeping", demand })], { gatewayUrl }));
    await page.locator("#gateway", { hasText: "1 of 1 models asleep" }).waitFor();
    assert.equal(await text('[data-model="default/a"] .badge'), "Sleeping");
    assert.deepEqual(complaints, []);
  });

  it("draws bytes to scale: the host, each model against its budget, and what is not free", async () => {
    view.show(BUSY);
    await visit(WIDTHS.desktop);
    await connection(/^live$/);
    const width = async (selector: string) => (await page.locator(selector).first().boundingBox())?.width ?? Number.NaN;
    const bar = await width(".host-bar");
    const used = (5150 + 612 + 700) * MIB;
    const system = 16 * GIB - 7 * GIB - used;
    const charged = (5300 + 612 + 2100) * MIB;
    const expected = [
      [".group.rest[data-part=system]", system],
      [".group.rest[data-part=free]", 16 * GIB - system - charged],
      [".group >> nth=0", 5300 * MIB],
    ] as const;
    for (const [selector, bytes] of expected) {
      assert(Math.abs((await width(selector)) / bar - bytes / (16 * GIB)) < 0.005, selector);
    }
    const chat = '[data-model="default/chat"] .budget-bar';
    const budget = await page.locator(`${chat} [data-line=budget]`).boundingBox();
    const measured = await page.locator(`${chat} [data-line=measured]`).boundingBox();
    const all = await page.locator(chat).boundingBox();
    assert(budget && measured && all);
    const ratio = (measured.x + 1.5 - all.x) / (budget.x + 1.5 - all.x);
    assert(Math.abs(ratio - (5150 * MIB) / (6 * GIB)) < 0.005, String(ratio));
    const over = page.locator('[data-model="default/embeddings-for-the-search-of-documents"]');
    assert.equal(await over.locator(".budget-bar").getAttribute("data-over"), "true");
    assert((await width(`[data-model="default/embeddings-for-the-search-of-documents"] [data-part=beyond]`)) > 10);
  });

  for (const [device, width] of Object.entries(WIDTHS)) {
    it(`is a table with headers, and bars with words, to a screen reader on a ${device}`, async () => {
      view.show(BUSY);
      await visit(width);
      await connection(/^live$/);
      const columns = ["Model", "State", "Estimate", "Measured", "Budget", "Endpoint"];
      const table = page.getByRole("table", { name: "Models" });
      assert.deepEqual(await table.getByRole("columnheader").allTextContents(), columns);
      assert.equal(await table.getByRole("rowheader").count(), BUSY.workloads.length);
      const host = page.getByRole("img", { name: /^16\.0 GiB of memory, default\/chat 5\.0 GiB of 5\.1 GiB, / });
      assert.match((await host.getAttribute("aria-label")) ?? "", /, models may use 10\.7 GiB$/);
      const bar = table.getByRole("img", { name: /^default\/chat: weights 4\.2 GiB · .*, budget 6\.0 GiB/ });
      assert.equal(await bar.count(), 1);
    });
  }

  it("follows the agent: new, changed and removed models, without a reload", async () => {
    view.show(aStatus([]));
    await visit(WIDTHS.phone);
    await page.locator("#empty").waitFor();
    const starting = aWorkloadStatus("default/b", { state: "Starting", pid: 1, budget: budgetOf(1), measuredBytes: 0 });
    view.show(aStatus([starting]));
    await page.locator('[data-model="default/b"] .badge', { hasText: "Starting" }).waitFor();
    view.show(aStatus([aWorkloadStatus("default/a"), { ...starting, state: "Ready", measuredBytes: 300 * MIB }]));
    await page.locator('[data-model="default/b"] .badge', { hasText: "Ready" }).waitFor();
    assert.deepEqual(await page.getByRole("rowheader").allTextContents(), ["default/a", "default/b"]);
    assert.equal(await text("#summary"), "300.0 MiB measured of 10.7 GiB for models, 16.0 GiB in total");
    view.show(aStatus([aWorkloadStatus("default/a")]));
    await page.locator('[data-model="default/b"]').waitFor({ state: "detached" });
    assert.deepEqual(complaints, []);
  });

  it("LLMKube trap T8: says that a value is unknown where the agent does not know it", async () => {
    const { availableBytes: _, ...agent } = BUSY.agent;
    view.show({ ...BUSY, agent, workloads: [aWorkloadStatus("default/a", { pid: 1 })] });
    await visit(WIDTHS.desktop);
    await connection(/^live$/);
    assert.match(await text("#legend"), /system and other processes unknown/);
    assert.deepEqual(await page.locator("td.number").allTextContents(), ["–", "–", "–"]);
  });

  it("says since when the agent is away, keeps its last status, and goes on when it is back", async () => {
    view.show(BUSY);
    await visit(WIDTHS.phone);
    await connection(/^live$/);
    await server.close();
    await connection(/^agent not reachable since \d/);
    assert.equal(await page.getByRole("rowheader").count(), BUSY.workloads.length);
    assert.equal(await overflow(), 0);
    await screenshot("phone-away");
    server = await serve(Number(new URL(server.url).port));
    view.show(aStatus([aWorkloadStatus("default/back")]));
    await page.locator('[data-model="default/back"]').waitFor();
    view.show(aStatus([aWorkloadStatus("default/back")]));
    await connection(/^live$/);
  });

  it("asks where no events come", async () => {
    view.show(BUSY);
    assert(browser);
    page = await browser.newPage();
    await page.route("**/api/v1/events", (route) => route.abort());
    await page.goto(server.url);
    await connection(/^live$/);
    assert.equal(await page.getByRole("rowheader").count(), BUSY.workloads.length);
  });

  it("says that the agent is stuck where it answers and does nothing", async () => {
    view.show(BUSY);
    await visit(WIDTHS.desktop);
    await page.locator("#connection", { hasText: "its reconcile loop has not run since" }).waitFor({ timeout: 30_000 });
  });

  it("shows a name and a message as text, whatever they hold", async () => {
    const hostile = '<img src=x onerror="document.title=1">';
    const at = "2026-11-27T10:00:00.000Z";
    const unload = { at, name: hostile, reason: "MadeRoom", message: hostile, madeRoomFor: hostile } as const;
    const agent = { problems: [hostile], gatewayUrl: "http://127.0.0.1:8000/v1", unloads: [unload] };
    view.show(aStatus([aWorkloadStatus(hostile, { state: "Sleeping", message: hostile, notes: [hostile] })], agent));
    await visit(WIDTHS.phone);
    await connection(/^live$/);
    assert.equal(await text("tbody th"), hostile);
    assert.equal(await text("#problems li"), hostile);
    assert.equal(await text("#unloads .unloaded"), hostile);
    assert((await text("#unloads .why")).endsWith(`: ${hostile}`));
    assert.equal(await page.locator("main img").count(), 0);
  });
});
