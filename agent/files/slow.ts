import type { FileGate } from "./gate.ts";

/** The seconds that a sentence names double: a sentence that is another one each second would be news each second. */
const STEPS_S = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560];

/** `"looking at /Volumes/x/model.gguf has taken more than 10 s: its disk may be away"`. */
export function slowText(doing: string, path: string, milliseconds: number): string {
  const seconds = STEPS_S.findLast((step) => milliseconds >= step * 1000) ?? Math.floor(milliseconds / 1000);
  return `${doing} ${path} has taken more than ${seconds} s: its disk may be away`;
}

/** One sentence for each file that something has been waiting for since long. */
export function slowFiles({ slow }: Pick<FileGate, "slow">): readonly string[] {
  return [...slow()].map(([path, milliseconds]) => slowText("looking at", path, milliseconds)).sort();
}
