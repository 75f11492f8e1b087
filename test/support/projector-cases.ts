import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

export const PROJECTOR_FIXTURE = join(import.meta.dirname, "../fixtures/projectors.json");

const caseSchema = z.object({
  flashAttention: z.boolean(),
  /** Of the text model. */
  width: z.number(),
  /** The size of the image that was sent; without one, what llama-server reserves when it starts. */
  image: z.string().optional(),
  computeMiB: z.number(),
});
const schema = z.object({ llamaCpp: z.string(), projectors: z.record(z.string(), z.array(caseSchema)) });

/** What llama-server printed for one projector on the CPU. */
export type ProjectorCase = z.infer<typeof caseSchema>;

/** Synchronous: mocha builds its tables of cases while it loads a file. */
export function readProjectors(): z.infer<typeof schema> {
  return schema.parse(JSON.parse(readFileSync(PROJECTOR_FIXTURE, "utf8")));
}
