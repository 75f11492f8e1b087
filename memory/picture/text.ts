import { formatBytes } from "../../api/quantity.ts";
import { bar, marksOf, OTHERS } from "./bar.ts";
import type { HostPicture, Out, Picture, Share } from "./picture.ts";
import type { Told } from "./scene.ts";

/** Hosts that are shown model by model; the others get a line each. */
const MOST_OPEN = 8;
const MOST_LINES = 24;
const MOST_MODELS = 10;
const MOST_TOLD = 12;
const SHORT_BAR = 20;
const LONGEST_HOST = 24;

/**
 * The picture in plain ASCII, at most `width` columns wide, for a terminal and for the log of a CI. Hosts on which something changes come
 * first, each with its models; what is many is folded into one line.
 *
 * @param width at least 60
 */
export function pictureText(picture: Picture, width = 80): string {
  const { hosts, refused, unknown, partly, out, resting, displaced } = picture;
  const open = hosts.filter(isOpen).slice(0, MOST_OPEN);
  const closed = hosts.filter((host) => !open.includes(host));
  const lines = closed.slice(0, closed.length > MOST_LINES ? MOST_LINES - 1 : MOST_LINES);
  return [
    ...wrapped(headline(picture), width, 0),
    ...open.flatMap((host) => ["", ...openHost(host, width)]),
    ...(closed.length === 0 ? [] : ["", ...lines.map((host) => closedHost(host, width))]),
    ...folded(closed.slice(lines.length)),
    ...section("Stays out:", out.map(outText), width),
    ...section("Takes turns, and sleeps until a request:", resting.map(toldText), width),
    ...section("Loses its place, and is not in this change:", displaced.map(toldText), width),
    ...section("Refused:", refused.map(toldText), width),
    ...section("Not counted, because the need is not known:", unknown.map(toldText), width),
    ...section("Counted with the weights alone:", partly.map(toldText), width),
  ].join("\n");
}

/** `2 Macs, 3 models: 44.0 of 192.0 GiB after this change, 20.0 GiB before; 1 model stays out.` */
export function headline({ hosts, services, out, resting, displaced, refused, unknown }: Picture): string {
  const allocatable = sum(hosts, ({ allocatableBytes }) => allocatableBytes);
  const after = sum(hosts, (host) => used(host.after));
  const isKnown = hosts.some((host) => host.before !== undefined);
  const before = isKnown ? `, ${formatBytes(sum(hosts, (host) => used(host.before ?? [])))} before` : "";
  const counted = services + refused.length + unknown.length;
  const troubles = [
    out.length > 0 ? `${many(out.length, "model")} ${out.length === 1 ? "stays" : "stay"} out` : "",
    resting.length > 0
      ? `${many(resting.length, "model")} ${resting.length === 1 ? "takes turns and sleeps" : "take turns and sleep"}`
      : "",
    displaced.length > 0 ? `${many(displaced.length, "other model")} displaced` : "",
    refused.length > 0 ? `${refused.length} refused` : "",
    unknown.length > 0 ? `${unknown.length} not known` : "",
  ].filter((trouble) => trouble !== "");
  const facts = `${many(hosts.length, "Mac")}, ${many(counted, "model")}: ${formatBytes(after)} of ${formatBytes(allocatable)} after this change${before}`;
  return `${[facts, ...troubles].join("; ")}.`;
}

/** Something changes there; where nobody knows what was before, there is a model. */
function isOpen({ before, after }: HostPicture): boolean {
  return before === undefined ? after.length > 0 : JSON.stringify(named(before)) !== JSON.stringify(named(after));
}

function named(shares: readonly Share[]): readonly (readonly [string, number])[] {
  return shares.map(({ name, bytes }) => [name, bytes] as const).sort(([a], [b]) => (a < b ? -1 : 1));
}

function openHost({ name, allocatableBytes, before, after }: HostPicture, width: number): readonly string[] {
  const marks = marksOf([...(before ?? []), ...after], MOST_MODELS);
  const segments = (shares: readonly Share[]) => {
    const own = shares.filter((share) => marks.has(share.name));
    const rest = used(shares) - used(own);
    const marked = own.map((share) => ({ mark: marks.get(share.name) ?? OTHERS, bytes: share.bytes }));
    return [...marked.sort((a, b) => (a.mark < b.mark ? -1 : 1)), { mark: OTHERS, bytes: rest }];
  };
  const line = (word: string, shares: readonly Share[]) => {
    const percent = `${Math.round((100 * used(shares)) / Math.max(1, allocatableBytes))}%`;
    return `  ${word.padEnd(6)} ${bar(segments(shares), allocatableBytes, width - 17)} ${percent}`;
  };
  const free = allocatableBytes - used(after);
  const left = free >= 0 ? `${formatBytes(free)} free` : `${formatBytes(-free)} too much`;
  return [
    `${cut(name, LONGEST_HOST)}: ${formatBytes(used(after))} of ${formatBytes(allocatableBytes)}, ${left}`,
    ...(before === undefined ? [] : [line("before", before)]),
    line("after", after),
    ...[...marks].map(([model, mark]) => modelLine(mark, model, before, after, width)),
    ...foldedModels(marks, before, after),
  ];
}

function modelLine(
  mark: string,
  model: string,
  before: readonly Share[] | undefined,
  after: readonly Share[],
  width: number,
): string {
  const [was, is] = [before?.find(({ name }) => name === model), after.find(({ name }) => name === model)];
  const bytes = formatBytes(is?.bytes ?? was?.bytes ?? 0).padStart(10);
  const word = before === undefined ? "" : changeText(was?.bytes, is?.bytes);
  const doubt = is?.mayRun === true ? "may run" : "";
  const end = [word, doubt].filter((part) => part !== "").join(", ");
  const name = cut(model, width - 40);
  return `    ${mark} ${name.padEnd(width - 40)}${bytes}${end === "" ? "" : `  ${end}`}`;
}

function changeText(was: number | undefined, is: number | undefined): string {
  if (was === undefined) return "new here";
  if (is === undefined) return "gone";
  return was === is ? "" : `was ${formatBytes(was)}`;
}

function foldedModels(
  marks: ReadonlyMap<string, string>,
  before: readonly Share[] | undefined,
  after: readonly Share[],
): readonly string[] {
  const others = (shares: readonly Share[]) => shares.filter(({ name }) => !marks.has(name));
  const names = new Set([...others(before ?? []), ...others(after)].map(({ name }) => name));
  if (names.size === 0) return [];
  const was = before === undefined ? "" : `, ${formatBytes(used(others(before)))} before`;
  return [`    ${OTHERS} ${names.size} smaller models: ${formatBytes(used(others(after)))}${was}`];
}

function closedHost({ name, allocatableBytes, after }: HostPicture, width: number): string {
  const drawn = bar([{ mark: "#", bytes: used(after) }], allocatableBytes, SHORT_BAR);
  const longest = Math.min(LONGEST_HOST, width - 58);
  const amounts = `${formatBytes(used(after))} of ${formatBytes(allocatableBytes)}`;
  return `${cut(name, longest).padEnd(longest)} ${drawn} ${amounts}, ${many(after.length, "model")}`;
}

function folded(hosts: readonly HostPicture[]): readonly string[] {
  if (hosts.length === 0) return [];
  const [after, allocatable] = [
    sum(hosts, (host) => used(host.after)),
    sum(hosts, ({ allocatableBytes }) => allocatableBytes),
  ].map(formatBytes);
  const models = sum(hosts, (host) => host.after.length);
  return [`and ${many(hosts.length, "more Mac")}: ${after} of ${allocatable}, ${many(models, "model")}`];
}

/** `default/llama (1 of 2) needs 24.0 GiB: 2 Macs have too little free memory. What would help: ...` */
export function outText({ name, replicas, wanted, needBytes, why, remedy }: Out): string {
  const count = wanted === 1 ? "" : ` (${replicas} of ${wanted} replicas)`;
  return `${name}${count} needs ${formatBytes(needBytes)}: ${why}.${remedy === undefined ? "" : ` What would help: ${remedy}.`}`;
}

export function toldText({ name, why }: Told): string {
  return `${name}: ${why}.`;
}

function section(title: string, texts: readonly string[], width: number): readonly string[] {
  if (texts.length === 0) return [];
  const kept = texts.slice(0, texts.length > MOST_TOLD ? MOST_TOLD - 1 : MOST_TOLD);
  const more = texts.length - kept.length;
  return [
    "",
    title,
    ...kept.flatMap((text) => wrapped(`- ${text}`, width, 2)),
    ...(more > 0 ? [`- and ${more} more`] : []),
  ];
}

/** Broken at spaces; lines after the first are indented. A word that is longer than a line keeps a line of its own. */
export function wrapped(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.trim() !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(indent) + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 3)}...`;
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function used(shares: readonly Share[]): number {
  return sum(shares, ({ bytes }) => bytes);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
