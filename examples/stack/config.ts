import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { LlmModelArgs } from "../../components/index.ts";

/** What the stack's configuration asks for. */
export interface StackConfig {
  readonly models: Readonly<Record<string, LlmModelArgs>>;
  /** Absolute folder to render manifests to; undefined: a cluster. */
  readonly manifests: string | undefined;
}

const modelsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

/** @throws pulumi.RunError with one sentence where the configuration is not usable */
export function readConfig(config: pulumi.Config): StackConfig {
  return { models: modelsIn(config), manifests: manifestsIn(config) };
}

/** Each LlmModel checks its own arguments; here it only matters that there are some. */
function modelsIn(config: pulumi.Config): Readonly<Record<string, LlmModelArgs>> {
  const models = objectIn<Record<string, LlmModelArgs>>(config, "models");
  if (models !== undefined && modelsSchema.safeParse(models).success) return models;
  throw new pulumi.RunError(
    `${config.name}:models must be a map from names to the arguments of LlmModel; for example` +
      ` pulumi config set --path '${config.name}:models.llama.source' hf://org/repo/model.gguf`,
  );
}

function objectIn<T>(config: pulumi.Config, key: string): T | undefined {
  try {
    return config.getObject<T>(key);
  } catch {
    return undefined; // not JSON
  }
}

function manifestsIn(config: pulumi.Config): string | undefined {
  const target = config.get("target") ?? "manifests";
  if (target === "cluster") return undefined;
  if (target === "manifests") return resolve(pulumi.getRootDirectory(), config.get("manifests") ?? "manifests");
  throw new pulumi.RunError(`${config.name}:target is ${JSON.stringify(target)}; it must be manifests or cluster`);
}
