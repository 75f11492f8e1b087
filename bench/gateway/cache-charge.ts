import { measuredBytes } from "../../test/agent/measured.ts";
import { conversation, say } from "./conversations.ts";
import { directWay, pidOfChat, type Way, withChat } from "./sides.ts";

/** What a server has held at most after so many conversations, beside what it is charged with. */
export interface CacheChargeFigures {
  readonly slots: number;
  /** Of the prompt cache, in MiB; 0: none. */
  readonly limitMiB: number;
  readonly chargeBytes: number;
  readonly peaks: readonly { readonly conversations: number; readonly bytes: number }[];
}

export interface CacheChargeWanted {
  readonly slots: readonly number[];
  readonly limitsMiB: readonly number[];
  /** Rising. */
  readonly conversations: readonly number[];
}

const CONTEXT_OF_SLOT = 4096;
const SAMPLE_MS = 100;
/** Every third conversation goes on later, so that entries leave the cache from its middle too. */
const RETURNS = 3;

/** Fills prompt caches of several sizes with conversations of several lengths, as many at a time as there are slots. */
export async function cacheCharges(wanted: CacheChargeWanted): Promise<readonly CacheChargeFigures[]> {
  const figures: CacheChargeFigures[] = [];
  for (const slots of wanted.slots) {
    for (const limitMiB of wanted.limitsMiB) figures.push(await filled(slots, limitMiB, wanted.conversations));
  }
  return figures;
}

async function filled(slots: number, limitMiB: number, marks: readonly number[]): Promise<CacheChargeFigures> {
  const served = { slots, contextSize: slots * CONTEXT_OF_SLOT, budget: "4Gi", server: "real" } as const;
  const cache = limitMiB === 0 ? {} : { promptCache: `${limitMiB}Mi` };
  return withChat({ ...served, ...cache }, async (agent) => {
    const pid = await pidOfChat(agent);
    const server = await directWay(pid);
    const { estimateBytes: chargeBytes = 0 } = await agent.once(
      "chat",
      ({ estimateBytes }) => estimateBytes !== undefined,
    );
    const sampling = sampled(pid);
    try {
      const peaks: { conversations: number; bytes: number }[] = [];
      let done = 0;
      for (const conversations of marks) {
        for (; done < conversations; done += slots) await talk(server, done, slots);
        peaks.push({ conversations, bytes: sampling.peak() });
      }
      return { slots, limitMiB, chargeBytes, peaks };
    } finally {
      sampling.end();
    }
  });
}

/** Conversations `first` and after, at once, and one of them once more. */
async function talk(server: Way, first: number, atOnce: number): Promise<void> {
  const indexes = Array.from({ length: atOnce }, (_, index) => first + index);
  await Promise.all(indexes.map((index) => say(server, prompt(index))));
  const returning = indexes.find((index) => index % RETURNS === RETURNS - 1);
  if (returning !== undefined) await say(server, `${prompt(Math.max(0, returning - atOnce))} and then`);
}

/** Of several lengths, so that entries of several sizes come and go. */
function prompt(index: number): string {
  return conversation(index, 100 + ((index * 577) % 2800));
}

function sampled(pid: number): { readonly peak: () => number; readonly end: () => void } {
  let peak = measuredBytes(pid);
  const timer = setInterval(() => (peak = Math.max(peak, measuredBytes(pid))), SAMPLE_MS);
  return { peak: () => peak, end: () => clearInterval(timer) };
}
