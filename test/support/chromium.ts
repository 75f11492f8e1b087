import { type Browser, chromium } from "playwright-core";
import which from "which";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Headless, from PATH; undefined, with the reason printed, where this machine has none. */
export async function openChromium(): Promise<Browser | undefined> {
  const found = await Promise.all(NAMES.map((name) => which(name, { nothrow: true })));
  const executablePath = found.find((path) => path !== null);
  if (executablePath === undefined) {
    console.log(`skipping: no ${NAMES.join(", ")} on PATH (apt-get install chromium, brew install --cask chromium)`);
    return undefined;
  }
  // Root, as in most containers, has no user namespaces for Chromium's own sandbox; the pages are ours.
  const sandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath, chromiumSandbox: sandbox, args: ["--disable-dev-shm-usage"] });
}
