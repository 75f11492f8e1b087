import * as z from "zod";
import { fail, ok, type Result } from "../../api/result.ts";
import type { RegisteredResource } from "../../policies/guard/stack.ts";
import { isLlmNode } from "../../policies/hosts/nodes.ts";

const stateSchema = z.object({
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  provider: z.string().optional(),
});

const stepSchema = z.object({
  op: z.string(),
  urn: z.string(),
  oldState: stateSchema.nullish(),
  newState: stateSchema.nullish(),
});

/** What `pulumi preview --json` prints, as far as it is read here. */
const previewSchema = z.object({
  steps: z.array(stepSchema).optional(),
  changeSummary: z.record(z.string(), z.number()).optional(),
});

type Step = z.output<typeof stepSchema>;
type State = z.output<typeof stateSchema>;

/** The resources of a stack before and after a change. */
export interface Change {
  readonly before: readonly RegisteredResource[];
  readonly after: readonly RegisteredResource[];
}

const HOW = "write it with pulumi preview --json --show-sames";

/** Fails with one sentence where the text is no such answer, or does not have all resources. */
export function readPreview(text: string): Result<Change> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return fail(`the preview is no JSON: ${HOW}`);
  }
  const parsed = previewSchema.safeParse(document);
  if (!parsed.success || parsed.data.steps === undefined) return fail(`the preview has no list of steps: ${HOW}`);
  const { steps, changeSummary } = parsed.data;
  const missing = (changeSummary?.["same"] ?? 0) - steps.filter(({ op }) => op === "same").length;
  if (missing > 0) {
    const resources = missing === 1 ? "1 unchanged resource is" : `${missing} unchanged resources are`;
    return fail(`${resources} not in the preview, so the picture would lack what stays: ${HOW}`);
  }
  return ok({
    before: resourcesOf(
      steps.map((step) => ({ step, state: step.op.startsWith("create") ? undefined : step.oldState })),
    ),
    after: resourcesOf(steps.map((step) => ({ step, state: isGone(step) ? undefined : step.newState }))),
  });
}

function isGone({ op }: Step): boolean {
  return op.startsWith("delete") || op.startsWith("discard");
}

/** Of the steps of a replacement the last has the say. */
function resourcesOf(
  states: readonly { step: Step; state: State | null | undefined }[],
): readonly RegisteredResource[] {
  const byUrn = new Map<string, RegisteredResource>();
  for (const { step, state } of states) if (state) byUrn.set(step.urn, resourceOf(step.urn, state));
  return [...byUrn.values()];
}

function resourceOf(urn: string, { type, inputs, outputs, provider }: State): RegisteredResource {
  // A component shows before the update what is plain of it, and nothing of the rest.
  const withheld = isLlmNode(type) ? { allocatable: NOT_KNOWN } : {};
  const props = unknownThrowing({ ...withheld, ...inputs, ...outputs }) as Record<string, unknown>;
  const name = urn.split("::").at(-1) ?? urn;
  // URN and id of the provider, joined.
  const providerUrn = provider?.split("::").slice(0, -1).join("::");
  return { urn, type, name, props, ...(providerUrn !== undefined && { provider: { urn: providerUrn } }) };
}

/** What the engine writes for a value that is not known before the update. */
const NOT_KNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const NOT_TOLD: ReadonlySet<unknown> = new Set([NOT_KNOWN, "[secret]"]);

/** As policies see resources: reading what is not known throws. */
function unknownThrowing(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const copy: object = Array.isArray(value) ? [] : {};
  for (const [key, member] of Object.entries(value)) {
    const get = () => {
      if (NOT_TOLD.has(member)) throw new Error(`${key} is not known`);
      return unknownThrowing(member);
    };
    Object.defineProperty(copy, key, { enumerable: true, get });
  }
  return copy;
}
