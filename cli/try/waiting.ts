import { clearLine, cursorTo } from "node:readline";
import { plainLine } from "../../api/plain-text.ts";

/** A terminal, or whatever else standard error is. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

export interface Waiting {
  /** Says what is being waited for. */
  readonly on: (what: string) => void;
  /** Takes the words off a terminal, and says no more of them until the next `on`. */
  readonly off: () => void;
}

const REDRAW_MS = 1000;

/** On a terminal one line that is written over, with the seconds since the first word; elsewhere a line for each new word. */
export function waitingOn(screen: Screen & NodeJS.WritableStream): Waiting {
  return screen.isTTY === true ? rewritten(screen) : lineByLine(screen);
}

function lineByLine(screen: Screen): Waiting {
  let last: string | undefined;
  const on = (what: string) => {
    const line = plainLine(what);
    if (line !== last) screen.write(`… ${line}\n`);
    last = line;
  };
  return { on, off: () => {} };
}

function rewritten(screen: Screen & NodeJS.WritableStream): Waiting {
  let what = "";
  let since: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const clear = () => {
    cursorTo(screen, 0);
    clearLine(screen, 0);
  };
  const draw = () => {
    const seconds = Math.round((performance.now() - (since ?? 0)) / 1000);
    clear();
    // A line that wraps could not be written over.
    screen.write(`… ${plainLine(what)} (${seconds} s)`.slice(0, (screen.columns ?? 80) - 1));
  };
  const on = (next: string) => {
    what = next;
    since ??= performance.now();
    timer ??= setInterval(draw, REDRAW_MS);
    draw();
  };
  const off = () => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    clear();
  };
  return { on, off };
}
