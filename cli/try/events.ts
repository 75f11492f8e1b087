import * as z from "zod";

/** What one event of a stream, or a whole answer, says; as far as a person is told. */
export type Said =
  | { readonly kind: "text"; readonly text: string }
  /** A model that thinks before it answers. */
  | { readonly kind: "thought" }
  | { readonly kind: "finish"; readonly reason: string }
  | { readonly kind: "numbers"; readonly tokens: number | undefined; readonly perSecond: number | undefined }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "done" };

const text = z.string().nullish();
const choiceSchema = z.object({
  text,
  delta: z.object({ content: text, reasoning_content: text }).nullish(),
  finish_reason: text,
});
const eventSchema = z.object({
  choices: z.array(choiceSchema).nullish(),
  usage: z.object({ completion_tokens: z.number().nullish() }).nullish(),
  timings: z.object({ predicted_n: z.number().nullish(), predicted_per_second: z.number().nullish() }).nullish(),
});
const errorSchema = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** The parts of one event's data, in order; undefined: it is none of OpenAI's events. */
export function saidIn(data: string): readonly Said[] | undefined {
  if (data.trim() === "[DONE]") return [{ kind: "done" }];
  const json = jsonOf(data);
  const message = errorIn(json);
  if (message !== undefined) return [{ kind: "error", message }];
  const event = eventSchema.safeParse(json);
  if (!event.success) return undefined;
  const { choices, usage, timings } = event.data;
  const [choice] = choices ?? [];
  const said: Said[] = [];
  if (choice?.delta?.reasoning_content) said.push({ kind: "thought" });
  const words = choice?.delta?.content || choice?.text;
  if (words) said.push({ kind: "text", text: words });
  if (choice?.finish_reason) said.push({ kind: "finish", reason: choice.finish_reason });
  const tokens = usage?.completion_tokens ?? timings?.predicted_n ?? undefined;
  const perSecond = timings?.predicted_per_second ?? undefined;
  if (tokens !== undefined || perSecond !== undefined) said.push({ kind: "numbers", tokens, perSecond });
  return said;
}

/** The sentence of an answer in the shape of OpenAI's errors; undefined: it has another shape. */
export function errorOf(body: string): string | undefined {
  return errorIn(jsonOf(body));
}

function errorIn(json: unknown): string | undefined {
  const parsed = errorSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { error } = parsed.data;
  return typeof error === "string" ? error : error.message;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
