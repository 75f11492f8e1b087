import * as pulumi from "@pulumi/pulumi";
import type { Result } from "../../api/result.ts";
import type { HubFiles } from "../../fetch/hub-repository.ts";

/** Which file of a repository is meant. */
export interface HuggingFaceArgs {
  /** Quantization of the weights as the files are named, for example Q4_K_M. Needed where the repository has several. */
  quantization?: pulumi.Input<string | undefined>;
  /** Branch, tag or commit. Defaults to main. */
  revision?: pulumi.Input<string | undefined>;
}

/**
 * The source of a model on Hugging Face, found by its quantization: `hf://org/repo@COMMIT/file.gguf`. It asks the hub (or
 * `HF_ENDPOINT`) for the files of the repository, with `HF_TOKEN` if there is one, at preview too. The commit in the source makes it
 * immutable: what a later preview finds on the branch is a change that the preview shows. With a commit as `revision` nothing changes.
 * The output rejects with one sentence that says what there is, if no file or several have the quantization.
 *
 * @param repository `org/repo`
 */
export function huggingFaceSource(repository: pulumi.Input<string>, args: HuggingFaceArgs = {}): pulumi.Output<string> {
  return pulumi.output({ repository, ...args }).apply(async (asked) => {
    const { chooseFile } = await import("../../fetch/hub-choice.ts");
    const quantization = asked.quantization ?? undefined;
    const found = await listed(asked.repository, asked.revision ?? "main");
    if (!found.ok) throw refusal(found.error);
    const { commit, files } = found.value;
    const file = chooseFile(files, quantization);
    if (!file.ok) throw refusal(`${asked.repository}@${commit.slice(0, 8)}: ${file.error}`);
    return `hf://${asked.repository}@${commit}/${file.value}`;
  });
}

/** One question at a time for a repository: several models may come from one. Nothing is kept: a process may bring up many stacks. */
const listings = new Map<string, Promise<Result<HubFiles>>>();

function listed(repository: string, revision: string): Promise<Result<HubFiles>> {
  const key = `${repository}@${revision}`;
  const begun = listings.get(key);
  if (begun !== undefined) return begun;
  const listing = import("../../fetch/hub-repository.ts")
    .then(({ listRepository }) => listRepository({ repository, revision }))
    .finally(() => listings.delete(key));
  listings.set(key, listing);
  return listing;
}

function refusal(problem: string): pulumi.RunError {
  return new pulumi.RunError(`fromHuggingFace: ${problem}`);
}
