import type { Background } from "../lifecycle/background.ts";
import type { Desired } from "../workload/desired.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { isAnswered } from "./answered.ts";
import { openHeldBook } from "./held-book.ts";
import type { Ran } from "./held-file.ts";
import { type Hold, holdOf } from "./hold.ts";
import { lookForKill, settleOpen, type Watch } from "./look.ts";
import type { Cause } from "./verdict.ts";

/** Keeps down what ran when the machine panicked, or what macOS ended for want of memory, until a person lets it start. */
export interface HeldBack {
  /** Undefined if nothing holds it back. */
  readonly holdOf: (id: WorkloadId) => Hold | undefined;
  /** Lets start what somebody has responded to: by a changed desired state, or by `pulumi-llmkube agent allow`. */
  readonly follow: (workloads: ReadonlyMap<WorkloadId, Desired>, synced: boolean) => void;
  /** Looks in the background why a server ended. `told` gets the cause if a report names its process; from the next boot on it is held back. */
  readonly died: (one: Ran, told: (cause: Cause) => void) => void;
  /** Its server has been Ready for long: what macOS did in this boot to the one before it no longer counts. */
  readonly provedItself: (id: WorkloadId) => void;
  /** What a person should fix, as sentences. */
  readonly problems: () => readonly string[];
}

export interface HeldBackOptions extends Watch {
  readonly stateDirectory: string;
  /** Of this boot. */
  readonly bootId: string;
  /** The servers of which a record of another boot says that they ran. */
  readonly ran: readonly Ran[];
  readonly background: Background;
}

/** What holds models back on this machine. */
export function openHeldBack(options: HeldBackOptions): HeldBack {
  const { stateDirectory, bootId, background, changed } = options;
  const book = openHeldBook(stateDirectory);
  let unreadable: string | undefined;
  const say = (problem: string | undefined) => {
    unreadable = problem;
  };
  const looking = { ...options, book, say };
  for (const one of options.ran) {
    const before = book.of(one.id)?.held;
    // An agent of this boot has noted it already, with an earlier time.
    if (before?.open && before.ran.bootId === one.ran.bootId) continue;
    book.keep({ ...one, open: true, ...(before?.cause === undefined ? {} : { cause: before.cause }) });
  }
  background("looking for reports of panics", settleOpen(looking));
  return {
    holdOf: (id) => {
      const noted = book.of(id);
      return noted && holdOf(noted, bootId, stateDirectory);
    },
    follow: (workloads, synced) => {
      const answered = book.all().filter((noted) => book.isRemoved(noted) || isAnswered(noted.held, workloads, synced));
      for (const { fileName } of answered) book.release(fileName);
      if (answered.length > 0) changed();
    },
    died: (one, told) => {
      const found = (cause: Cause) => {
        book.keep({ ...one, open: false, cause });
        told(cause);
        changed();
      };
      background(`looking why ${one.name} was ended`, lookForKill(one.ran, { ...looking, found }));
    },
    provedItself: (id) => {
      const noted = book.of(id);
      if (noted?.held?.ran.bootId === bootId) book.release(noted.fileName);
    },
    problems: () => [...book.problems(), ...(unreadable === undefined ? [] : [unreadable])],
  };
}
