import type { GatewayModel } from "./models.ts";
import { shortName } from "./names.ts";

/** One entry of `GET /v1/models`: OpenAI's four fields, and what a person wants to know. */
export interface ListedModel {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970. When a model was made is not known: when the gateway began. */
  readonly created: number;
  readonly owned_by: string;
  readonly aliases: readonly string[];
  readonly mode: string;
  readonly state: string;
  readonly message?: string;
  readonly context_size: number;
  readonly memory: { readonly estimate_bytes?: number; readonly measured_bytes?: number };
}

/** A service a line, whatever number of replicas it has here. @param created seconds since 1970 */
export function listedModels(models: readonly GatewayModel[], created: number): readonly ListedModel[] {
  const services = Map.groupBy(models, ({ name }) => name);
  return [...services.values()].flatMap((replicas) => {
    const shown = replicas.find(({ state }) => state === "Ready") ?? replicas[0];
    return shown === undefined ? [] : [listed(shown, models, created)];
  });
}

function listed(model: GatewayModel, models: readonly GatewayModel[], created: number): ListedModel {
  const { name, aliases, mode, state, message, contextSize, estimateBytes, measuredBytes } = model;
  const short = shortName(model);
  const isUnique = models.every(
    (other) => other.name === name || (shortName(other) !== short && !other.aliases.includes(short)),
  );
  return {
    id: name,
    object: "model",
    created,
    owned_by: name.slice(0, Math.max(0, name.indexOf("/"))),
    aliases: [...new Set([...(isUnique ? [short] : []), ...aliases])],
    mode,
    state,
    ...(message !== undefined && { message }),
    context_size: contextSize,
    memory: {
      ...(estimateBytes !== undefined && { estimate_bytes: estimateBytes }),
      ...(measuredBytes !== undefined && { measured_bytes: measuredBytes }),
    },
  };
}
