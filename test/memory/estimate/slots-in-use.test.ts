import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";

/** What the toolchain's llama-server held with Gemma 3 270M on the CPU while each of its slots answered a chat, in MiB. */
const HELD = [
  { parallel: 1, held: 291.5 },
  { parallel: 4, held: 324.9 },
  { parallel: 16, held: 440.5 },
  { parallel: 64, held: 913.2 },
] as const;

describe("estimate, with all slots in use", () => {
  for (const { parallel, held } of HELD) {
    it(`is at least what ${parallel} chats at once took, and at most a twentieth above it`, async () => {
      const settings = { ...SETTINGS, contextSize: 256 * parallel, parallel, backend: "cpu" } as const;
      const answer = estimate(await gemmaHeader(), settings);
      assert.ok(answer.ok && answer.value.confidence !== "unknown");
      const estimated = answer.value.totalBytes / MiB;
      assert.ok(held <= estimated && estimated <= held * 1.05, `${estimated.toFixed(1)} MiB for ${held}`);
    });
  }
});
