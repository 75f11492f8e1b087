import { nearest } from "../../api/explain.ts";
import type { GatewayModel } from "./models.ts";
import type { Refusal } from "./refusal.ts";

/** Which models a name means. `found`: at least one; several are replicas of one service. */
export type Named =
  | { readonly kind: "found"; readonly models: readonly GatewayModel[] }
  | { readonly kind: "refused"; readonly refusal: Refusal };

const MOST_LISTED = 12;
const LONGEST_SHOWN = 128;

/**
 * `namespace/name` comes first. Then a name alone or an alias: what several services answer to is refused, with their full names, because
 * a guess would load the wrong one.
 */
export function modelsNamed(asked: string, models: readonly GatewayModel[]): Named {
  const full = models.filter(({ name }) => name === asked);
  if (full.length > 0) return { kind: "found", models: full };
  const found = models.filter((model) => shortName(model) === asked || model.aliases.includes(asked));
  const services = [...new Set(found.map(({ name }) => name))];
  if (services.length > 1) return { kind: "refused", refusal: ambiguous(asked, services) };
  if (found.length > 0) return { kind: "found", models: found };
  return { kind: "refused", refusal: unknown(asked, models) };
}

/** Of a body without `model`: it is never guessed, though there may be but one. */
export function modelMissing(models: readonly GatewayModel[]): Refusal {
  const message = `the request names no model: set "model" to one of ${listed(models)}`;
  return { status: 400, code: "model_missing", message, param: "model" };
}

/** The part of `namespace/name` that is unique in most homes. */
export function shortName({ name }: GatewayModel): string {
  return name.slice(name.indexOf("/") + 1);
}

function ambiguous(asked: string, services: readonly string[]): Refusal {
  const message = `the model ${shown(asked)} may be ${services.slice(0, MOST_LISTED).join(" or ")}: write one of these names`;
  return { status: 400, code: "model_ambiguous", message, param: "model" };
}

function unknown(asked: string, models: readonly GatewayModel[]): Refusal {
  const near = nearest(asked, [
    ...new Set(models.flatMap((model) => [model.name, shortName(model), ...model.aliases])),
  ]);
  const help =
    near !== undefined
      ? `did you mean ${near}?`
      : models.length === 0
        ? "none is wanted"
        : `there is ${listed(models)}`;
  const message = `there is no model ${shown(asked)} on this machine; ${help}`;
  return { status: 404, code: "model_not_found", message, param: "model" };
}

function listed(models: readonly GatewayModel[]): string {
  const names = [...new Set(models.map(({ name }) => name))];
  const more = names.length - MOST_LISTED;
  return names.length === 0
    ? "none, as none is wanted"
    : names.slice(0, MOST_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function shown(asked: string): string {
  return JSON.stringify(asked.length > LONGEST_SHOWN ? `${asked.slice(0, LONGEST_SHOWN)}...` : asked);
}
