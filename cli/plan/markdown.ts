import { formatBytes } from "../../api/quantity.ts";
import type { HostPicture, Picture, Share } from "../../memory/picture/picture.ts";
import { headline, outText, toldText } from "../../memory/picture/text.ts";

const MOST_HOSTS = 30;
const MOST_TOLD = 20;

/** For a comment on a pull request: the sum, a table of the Macs, and who stays out. */
export function pictureMarkdown(picture: Picture): string {
  const { hosts, out, resting, displaced, refused, unknown, partly } = picture;
  const rows = hosts.slice(0, MOST_HOSTS).map(row);
  const more = hosts.length - rows.length;
  return [
    `**${headline(picture)}**`,
    "",
    "| Mac | before | after | free | models |",
    "|---|--:|--:|--:|---|",
    ...rows,
    ...(more > 0 ? [`| and ${more} more | | | | |`] : []),
    ...section("Stays out", out.map(outText)),
    ...section("Takes turns, and sleeps until a request", resting.map(toldText)),
    ...section("Loses its place, and is not in this change", displaced.map(toldText)),
    ...section("Refused", refused.map(toldText)),
    ...section("Not counted, because the need is not known", unknown.map(toldText)),
    ...section("Counted with the weights alone", partly.map(toldText)),
  ].join("\n");
}

function row({ name, allocatableBytes, before, after }: HostPicture): string {
  const [is, free] = [used(after), allocatableBytes - used(after)];
  const was = before === undefined ? "" : formatBytes(used(before));
  const models = after.map((share) => `${escaped(share.name)} ${formatBytes(share.bytes)}`).join("<br>");
  return `| ${escaped(name)} | ${was} | ${formatBytes(is)} of ${formatBytes(allocatableBytes)} | ${formatBytes(Math.max(0, free))} | ${models} |`;
}

function section(title: string, texts: readonly string[]): readonly string[] {
  if (texts.length === 0) return [];
  const kept = texts.slice(0, MOST_TOLD).map((text) => `- ${escaped(text)}`);
  const more = texts.length - kept.length;
  return ["", `**${title}**`, "", ...kept, ...(more > 0 ? [`- and ${more} more`] : [])];
}

/** What Markdown, or HTML within it, would read as its own. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, "\\$&").replaceAll(/\s+/g, " ");
}

function used(shares: readonly Share[]): number {
  return shares.reduce((sum, { bytes }) => sum + bytes, 0);
}
