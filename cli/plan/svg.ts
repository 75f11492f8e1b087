import { formatBytes } from "../../api/quantity.ts";
import type { HostPicture, Picture, Share } from "../../memory/picture/picture.ts";
import { headline } from "../../memory/picture/text.ts";

const WIDTH = 960;
const MARGIN = 16;
const LABEL = 200;
const BAR = WIDTH - LABEL - 2 * MARGIN;
const LINE = 22;
const COLOURS = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377"] as const;
const STYLE = "text{font:13px sans-serif;fill:black}.free{fill:#eee;stroke:silver}.bar text{font-size:11px;fill:#fff}";

/** The picture as one SVG, for a page or a wiki: per Mac a bar before and one after the change; a name shows what has it. */
export function pictureSvg(picture: Picture): string {
  let y = MARGIN + LINE;
  const parts = [text(MARGIN, y, headline(picture))];
  for (const host of picture.hosts) {
    y += LINE * 1.5;
    parts.push(text(MARGIN, y, `${host.name}, ${formatBytes(host.allocatableBytes)}`));
    for (const [word, shares] of [
      ["before", host.before],
      ["after", host.after],
    ] as const) {
      if (shares === undefined) continue;
      parts.push(text(LABEL - 44, y, word), barOf(host, shares, y - 15));
      y += LINE;
    }
  }
  for (const { name, why } of [...picture.out, ...picture.refused]) {
    y += LINE;
    parts.push(text(MARGIN, y, `${name} stays out: ${why}`));
  }
  const height = y + MARGIN;
  const frame = `xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  return `<svg ${frame}>\n<title>${escaped(headline(picture))}</title>\n<style>${STYLE}</style>\n${parts.join("\n")}\n</svg>\n`;
}

function barOf({ allocatableBytes }: HostPicture, shares: readonly Share[], y: number): string {
  let x = LABEL + MARGIN;
  const rectangles = shares.map(({ name, bytes }, index) => {
    const width = Math.min((bytes / Math.max(1, allocatableBytes)) * BAR, LABEL + MARGIN + BAR - x);
    const rectangle = `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0, width).toFixed(1)}" height="18" fill="${COLOURS[index % COLOURS.length]}"><title>${escaped(`${name}: ${formatBytes(bytes)}`)}</title></rect>`;
    const fits = name.length * 7 < width;
    const label = fits ? `<text x="${(x + 4).toFixed(1)}" y="${y + 13}">${escaped(name)}</text>` : "";
    x += width;
    return rectangle + label;
  });
  const free = `<rect class="free" x="${LABEL + MARGIN}" y="${y}" width="${BAR}" height="18"/>`;
  return `<g class="bar">${free}${rectangles.join("")}</g>`;
}

function text(x: number, y: number, content: string): string {
  return `<text x="${x}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
