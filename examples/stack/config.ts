import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { LlmModelArgs } from "../../components/index.ts";

/** The configuration of the stack. */
export interface StackConfig {
  readonly models: Readonly<Record<string, LlmModelArgs>>;
  /** Absolute path of the folder to render manifests to; undefined means that the target is a cluster. */
  readonly manifests: string | undefined;
}

const modelsSchema = z.record(z.string(), z.record(z.string(), z.unknown()));

/** @throws pulumi.RunError with one sentence if the configuration is not valid */
export function readConfig(config: pulumi.Config): StackConfig {
  return { models: modelsIn(config), manifests: manifestsIn(config) };
}

/** Checks only that there are arguments; each LlmModel checks its own. */
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
