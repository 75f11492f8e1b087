import * as z from "zod";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
import { addressOf, sourceName, sourcesOf } from "./address.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  exceptHosts: z
    .array(z.string().min(1))
    .describe(
      "Hosts that may be asked over plain http, for example a cache in the same room: mirror.local. Ports do not matter. The" +
        " machine itself (localhost, 127.0.0.1, ::1) always may. Default: none.",
    )
    .default([]),
});

const SAME_MACHINE: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Over plain http anybody on the way can put other weights in place, and reads the password that is sent along. */
export const httpsOnly = defineRule({
  name: "https-only",
  title: "No plain http",
  description: "Weights and projectors must not be fetched over plain http.",
  remedy:
    "Write https:// for http://, or take the file from the hub with hf://. A trusted host can be named in exceptHosts.",
  severity: "high",
  tags: ["security", "source"],
  level: "mandatory",
  config,
  examples: {
    bad: { model: { source: "http://models.example.com/model.gguf" } },
    good: { model: { source: "https://models.example.com/model.gguf" } },
  },
  checkModel,
});

function checkModel(model: ModelSubject, { exceptHosts }: z.output<typeof config>): Findings {
  const excepted = new Set(exceptHosts.map((host) => host.toLowerCase()));
  const refusals = sourcesOf(model.spec).flatMap(({ field, value }) => {
    const address = addressOf(value);
    if (address.kind !== "web" || address.url.protocol === "https:") return [];
    const { hostname } = address.url;
    if (SAME_MACHINE.has(hostname) || excepted.has(hostname)) return [];
    return [
      `${model.label}: ${field} ${sourceName(value)} is fetched over plain http, so anybody on the way can put another file in` +
        ` its place. Use https://, or hf:// for a file on the hub, or name ${hostname} in exceptHosts of the configuration of https-only.`,
    ];
  });
  return { refusals, notes: notYetKnown(model, ["source", "mmproj"]) };
}
