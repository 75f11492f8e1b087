import { execa } from "execa";
import { type Browser, chromium } from "playwright-core";
import which from "which";

const APT_TIMEOUT_MS = 540_000;
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Headless, from PATH; where there is none, from Debian's packages if this user may install them. Undefined, with the reason
 * printed, where that fails.
 */
export async function openChromium(): Promise<Browser | undefined> {
  const executablePath = (await onPath()) ?? (await installed());
  if (executablePath === undefined) {
    console.log(`skipping: no ${NAMES.join(", ")} on PATH (apt-get install chromium, brew install --cask chromium)`);
    return undefined;
  }
  // Root, as in most containers, has no user namespaces for Chromium's own sandbox; the pages are ours.
  const sandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath, chromiumSandbox: sandbox, args: ["--disable-dev-shm-usage"] });
}

async function onPath(): Promise<string | undefined> {
  const found = await Promise.all(NAMES.map((name) => which(name, { nothrow: true })));
  return found.find((path) => path !== null) ?? undefined;
}

/** As root on a Debian, which is what CI and containers are. */
async function installed(): Promise<string | undefined> {
  const apt = await which("apt-get", { nothrow: true });
  if (apt === null || process.getuid?.() !== 0) return undefined;
  console.log("      installing chromium for the status page's test");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await execa(apt, ["update", "-q"], { env, reject: false, timeout: APT_TIMEOUT_MS });
  await execa(apt, ["install", "-q", "-y", "--no-install-recommends", "chromium"], {
    env,
    reject: false,
    timeout: APT_TIMEOUT_MS,
  });
  return onPath();
}
