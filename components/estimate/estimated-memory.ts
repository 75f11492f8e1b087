import * as pulumi from "@pulumi/pulumi";
import type { Result } from "../../api/result.ts";
import type { Estimated, EstimatedMemory, EstimateInput } from "./estimate-types.ts";

/** What is estimated for a model. */
export interface MemoryOutputs {
  readonly estimatedMemory: pulumi.Output<EstimatedMemory | undefined>;
  readonly fits: pulumi.Output<boolean | undefined>;
}

/** What estimates; loaded when it is first needed, because it brings the reader of headers. */
export type Estimator = (input: EstimateInput) => Promise<Result<Estimated>>;

const load: Estimator = async (input) => {
  const { estimateSpecs } = await import("./estimate-specs.ts");
  return estimateSpecs(input);
};

interface AskedFor {
  readonly estimate?: pulumi.Input<boolean> | undefined;
  readonly hostMemory?: pulumi.Input<string> | undefined;
}

/** The outputs of a component that asks for an estimate, or of one that does not: undefined, and nothing is read. */
export function memoryOutputs(
  component: pulumi.Resource,
  { estimate, hostMemory }: AskedFor,
  specs: Omit<EstimateInput, "hostMemory">,
  estimator: Estimator = load,
): MemoryOutputs {
  if (estimate === undefined || estimate === false) {
    return { estimatedMemory: pulumi.output(undefined), fits: pulumi.output(undefined) };
  }
  const input = pulumi.output({ ...specs, hostMemory, asked: estimate });
  const found = input.apply(async ({ asked, ...known }) => {
    if (!asked) return undefined;
    const answer = await estimator(known);
    const hidden =
      (await pulumi.isSecret(input)) && "the reason is not shown, because a part of the arguments is secret";
    if (answer.ok) {
      const { unconfirmed = [] } = answer.value;
      for (const why of unconfirmed) await pulumi.log.warn(`an earlier header is used: ${hidden || why}`, component);
      return answer.value;
    }
    // An estimate is advice: it fails no program, which might bring up a model on a Mac that can read what this machine cannot.
    const why = hidden || answer.error;
    await pulumi.log.warn(`the memory of the model is not estimated: ${why}`, component);
    return undefined;
  });
  return { estimatedMemory: found.apply((one) => one?.estimatedMemory), fits: found.apply((one) => one?.fits) };
}
