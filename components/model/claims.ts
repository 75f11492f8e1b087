import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { type Claim, takenClaim } from "../../serving/claims.ts";
import type { Refuse } from "../inputs/check.ts";
import { Model } from "./resources.ts";

/** URNs of components by what they claimed, for each provider of a run of a program. */
type Holders = Map<string, Map<string, string>>;

const holdersOfRuns = new WeakMap<object, Holders>();

/** A plugin runs for one operation on one stack, and constructs each component in a run of its own. */
const PLUGIN = {};

/**
 * Resolves once `claims` are known and no other component of the same provider has one of them. Else `refuse` is told both URNs. Claims
 * that are not known in a preview refuse nothing there.
 */
export function claimed(
  component: pulumi.ComponentResource,
  claims: pulumi.Output<readonly Claim[]>,
  refuse: Refuse,
): pulumi.Output<void> {
  const holders = holdersOf(runOf());
  const provider = component.getProvider(Model.__pulumiType);
  return pulumi.all([claims, provider ? urnOf(provider) : "", urnOf(component)]).apply(([wanted, of, urn]) => {
    const held = holders.get(of) ?? new Map<string, string>();
    holders.set(of, held);
    const taken = takenClaim(held, wanted, urn);
    if (taken !== undefined)
      refuse(`${taken.claim.text} is also that of ${taken.holder} (this is ${urn}): ${wayOut(taken.claim)}`);
    for (const { key } of wanted) held.set(key, urn);
  });
}

function wayOut({ key }: Claim): string {
  return key.startsWith("endpoint ")
    ? "set another serving.port, or another endpointHost"
    : "set another name or namespace, or another provider";
}

/** A value without the dependency on its resource: a resource must not depend on the component that it is a part of. */
function urnOf({ urn }: pulumi.Resource): Promise<string> {
  return new Promise((resolve) => {
    urn.apply(resolve);
  });
}

/** A program runs as a stack of its own; with mocks, as long as these are in force. */
function runOf(): object {
  const monitor = pulumi.runtime.getMonitor();
  return pulumi.runtime.getStackResource() ?? (monitor instanceof MockMonitor ? monitor : PLUGIN);
}

function holdersOf(run: object): Holders {
  const holders = holdersOfRuns.get(run) ?? new Map();
  holdersOfRuns.set(run, holders);
  return holders;
}
