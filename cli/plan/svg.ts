import { formatBytes } from "../../api/quantity.ts";
import type { HostPicture, Picture, Share } from "../../memory/picture/picture.ts";
import { headline } from "../../memory/picture/text.ts";

const WIDTH = 960;
const MARGIN = 16;
const LABEL = 200;
const BAR = WIDTH - LABEL - 2 * MARGIN;
const LINE = 22;
/** Longest name of a Mac that the label column holds. */
const LONGEST_HOST = 20;
/** Paul Tol's "bright" scheme, which people with any colour vision can tell apart; each with the colour of text on it. */
const COLOURS = [
  ["#4477aa", "#fff"],
  ["#66ccee", "#000"],
  ["#228833", "#fff"],
  ["#ccbb44", "#000"],
  ["#ee6677", "#000"],
  ["#aa3377", "#fff"],
] as const;
const STYLE = "text{font:13px sans-serif}.free{fill:#eee;stroke:silver}.bar text{font-size:11px}";

/** The picture as one SVG, for a page or a wiki: per Mac a bar before and one after the change; a model has one colour on all Macs. */
export function pictureSvg(picture: Picture): string {
  const colourOf = colours(picture);
  let y = MARGIN + LINE;
  const parts = [text(MARGIN, y, headline(picture))];
  for (const host of picture.hosts) {
    y += LINE * 1.5;
    parts.push(label(host, y));
    const bars = [
      ["before", host.before],
      ["after", host.after],
    ] as const;
    for (const [word, shares] of bars) {
      if (shares !== undefined) parts.push(text(LABEL - 44, y, word), barOf(host, shares, y - 15, colourOf));
      y += LINE;
    }
  }
  const told = [
    ...[...picture.out, ...picture.refused].map(({ name, why }) => `${name} stays out: ${why}`),
    ...picture.resting.map(({ name, why }) => `${name} takes turns, and sleeps until a request: ${why}`),
    ...picture.displaced.map(({ name, why }) => `${name} is displaced: ${why}`),
  ];
  for (const sentence of told) {
    y += LINE;
    parts.push(text(MARGIN, y, sentence));
  }
  const height = y + MARGIN;
  const frame = `xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  return `<svg ${frame}>\n<title>${escaped(headline(picture))}</title>\n<style>${STYLE}</style>\n${parts.join("\n")}\n</svg>\n`;
}

type ColourOf = (model: string) => (typeof COLOURS)[number];

function colours({ hosts }: Picture): ColourOf {
  const names = new Set(hosts.flatMap(({ before = [], after }) => [...before, ...after].map(({ name }) => name)));
  const byName = new Map([...names].map((name, index) => [name, COLOURS[index % COLOURS.length] ?? COLOURS[0]]));
  return (model) => byName.get(model) ?? COLOURS[0];
}

/** The name of a Mac and, below it, what it has for models. */
function label({ name, allocatableBytes }: HostPicture, y: number): string {
  const cut = name.length <= LONGEST_HOST ? name : `${name.slice(0, LONGEST_HOST - 1)}…`;
  const whole = `<title>${escaped(name)}</title>`;
  return `<g>${whole}${text(MARGIN, y, cut)}${text(MARGIN, y + LINE, formatBytes(allocatableBytes))}</g>`;
}

function barOf({ allocatableBytes }: HostPicture, shares: readonly Share[], y: number, colourOf: ColourOf): string {
  let x = LABEL + MARGIN;
  const rectangles = shares.map(({ name, bytes }) => {
    const width = Math.max(0, Math.min((bytes / Math.max(1, allocatableBytes)) * BAR, LABEL + MARGIN + BAR - x));
    const [fill, ink] = colourOf(name);
    const title = `<title>${escaped(`${name}: ${formatBytes(bytes)}`)}</title>`;
    const rectangle = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="18" fill="${fill}">${title}</rect>`;
    const fits = name.length * 7 < width;
    const words = fits ? `<text x="${(x + 4).toFixed(1)}" y="${y + 13}" fill="${ink}">${escaped(name)}</text>` : "";
    x += width;
    return rectangle + words;
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
