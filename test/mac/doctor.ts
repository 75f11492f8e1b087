import assert from "node:assert/strict";
import { execa } from "execa";
import type { Site } from "../agent/harness.ts";
import { CLI } from "../support/run-cli.ts";
import type { Scenario } from "./scenarios.ts";
import type { PlayedMac } from "./stand-ins.ts";

/** As `doctor --json` prints it. */
interface Check {
  readonly name: string;
  readonly state: string;
  readonly found: string;
}

/** Fails unless `doctor` on this Mac finds what the row says. */
export async function checkDoctor(mac: PlayedMac, site: Site, wanted: NonNullable<Scenario["doctor"]>): Promise<void> {
  const flags = ["--llama-server", mac.llamaServer, "--models", site.models, "--state", site.state, "--json"];
  const { stdout } = await execa(process.execPath, [CLI, "doctor", ...flags], { reject: false, env: mac.env });
  const checks: readonly Check[] = JSON.parse(stdout);
  for (const [name, [state, found]] of Object.entries(wanted)) {
    const check = checks.find((each) => each.name === name);
    assert.ok(check, `doctor has no check ${name}: ${stdout}`);
    assert.match(check.found, found);
    assert.equal(check.state, state, check.found);
  }
}
