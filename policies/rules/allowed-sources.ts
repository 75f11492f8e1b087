import * as z from "zod";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
import { type Address, addressOf, sourceName, sourcesOf } from "./address.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  allow: z
    .array(
      z.string().refine((text) => entryOf(text) !== undefined, {
        error:
          "it must be an organisation on the hub (hf://org), a repository (hf://org/repo), a host (models.example.com or" +
          " *.example.com), the beginning of an address (https://models.example.com/team/) or a folder (/models/)",
      }),
    )
    .describe(
      "Where weights may come from, each one of: hf://org, hf://org/repo, a host such as models.example.com or *.example.com," +
        " the beginning of an address such as https://models.example.com/team/, a folder on the Mac such as /models/. An" +
        " address of the hub's website counts as hf://. Default: none, with which everything is allowed.",
    )
    .default([]),
});

/** What is served must come from where somebody looks after it. */
export const allowedSources = defineRule({
  name: "allowed-sources",
  title: "Allowed sources",
  description: "Weights and projectors must come from an allowed place.",
  remedy: "Take the file from one of the allowed places, or add its place to allow in the configuration.",
  severity: "high",
  tags: ["security", "source"],
  level: "mandatory",
  config,
  examples: {
    config: { allow: ["hf://ggml-org", "models.example.com"] },
    bad: { model: { source: "hf://somebody/repo/model.gguf" } },
    good: { model: { source: "hf://ggml-org/gemma-3-270m-GGUF/gemma-3-270m-Q8_0.gguf" } },
  },
  checkModel,
});

type Entry =
  | { readonly kind: "hub"; readonly segments: readonly string[] }
  | { readonly kind: "host"; readonly host: string; readonly below: boolean }
  | { readonly kind: "address"; readonly origin: string; readonly segments: readonly string[] }
  | { readonly kind: "folder"; readonly segments: readonly string[] }
  | { readonly kind: "other"; readonly scheme: string; readonly segments: readonly string[] };

function checkModel(model: ModelSubject, { allow }: z.output<typeof config>): Findings {
  if (allow.length === 0) return {};
  const entries = allow.map(entryOf).filter((entry) => entry !== undefined);
  const refusals = sourcesOf(model.spec).flatMap(({ field, value }) => {
    const address = addressOf(value);
    if (entries.some((entry) => covers(entry, address))) return [];
    return [
      `${model.label}: ${field} ${sourceName(value)} comes from a place that is not allowed. Allowed are ${allow.join(", ")}` +
        " (allow in the configuration of allowed-sources).",
    ];
  });
  return { refusals, notes: notYetKnown(model, ["source", "mmproj"]) };
}

function entryOf(text: string): Entry | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/i.exec(text) ?? [];
  switch (scheme?.toLowerCase()) {
    case undefined:
      return text.startsWith("/") ? { kind: "folder", segments: segmentsOf(text) } : hostEntry(text);
    case "hf": {
      const segments = segmentsOf(rest).map((segment) => segment.toLowerCase());
      return segments.length === 1 || segments.length === 2 ? { kind: "hub", segments } : undefined;
    }
    case "http":
    case "https": {
      const url = URL.parse(text);
      if (url === null || url.username + url.password + url.search + url.hash !== "") return undefined;
      return { kind: "address", origin: url.origin, segments: segmentsOf(url.pathname) };
    }
    case "file":
      return { kind: "folder", segments: segmentsOf(rest) };
    default:
      return { kind: "other", scheme: String(scheme).toLowerCase(), segments: segmentsOf(rest) };
  }
}

function hostEntry(text: string): Entry | undefined {
  const [, below, host] = /^(\*\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])$/i.exec(text) ?? [];
  return host === undefined ? undefined : { kind: "host", host: host.toLowerCase(), below: below !== undefined };
}

function covers(entry: Entry, address: Address): boolean {
  switch (address.kind) {
    case "hub": {
      if (entry.kind === "host") return isHost(entry, "huggingface.co");
      const names = [address.organisation, address.repository].map((name) => name.toLowerCase());
      return entry.kind === "hub" && begins(names, entry.segments);
    }
    case "web":
      if (entry.kind === "host") return isHost(entry, address.url.hostname);
      return (
        entry.kind === "address" &&
        entry.origin === address.url.origin &&
        begins(segmentsOf(address.url.pathname), entry.segments)
      );
    case "file":
      return entry.kind === "folder" && begins(segmentsOf(address.path), entry.segments);
    case "other":
      return (
        entry.kind === "other" && entry.scheme === address.scheme && begins(segmentsOf(address.rest), entry.segments)
      );
    case "unclear":
      return false;
  }
}

function isHost({ host, below }: Extract<Entry, { kind: "host" }>, hostname: string): boolean {
  return below ? hostname.endsWith(`.${host}`) : hostname === host;
}

/** Whole names only: `/models` is no beginning of `/models-of-others`, nor of `/models/../others`. */
function begins(segments: readonly string[], first: readonly string[]): boolean {
  return !segments.includes("..") && first.every((segment, index) => segments[index] === segment);
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}
