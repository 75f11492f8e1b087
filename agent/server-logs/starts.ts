import { endsWithMark } from "./cut.ts";
import { EARLIER, earlierLog } from "./files.ts";

/**
 * The files that hold what a server has printed since it was started, for each of its last starts from the last one on. Within a start the
 * oldest file is first; there are several if the log was cut. None of the files need exist.
 */
export async function filesByStart(path: string): Promise<readonly (readonly string[])[]> {
  const starts = [[path]];
  for (let number = 1; number <= EARLIER; number += 1) {
    const name = earlierLog(path, number);
    const start = (await endsWithMark(name)) ? starts.at(-1) : undefined;
    if (start === undefined) starts.push([name]);
    else start.unshift(name);
  }
  return starts;
}
