import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_PORT } from "../../api/constants.ts";
import { childName } from "../../api/fleet.ts";
import { endpointClaim } from "../../serving/claims.ts";
import { urlHost } from "../../serving/endpoint-host.ts";
import type { Refuse } from "../inputs/check.ts";
import { claimed } from "./claims.ts";

interface Served {
  /** Of the InferenceService. */
  readonly name: pulumi.Input<string>;
  readonly namespace: pulumi.Input<string>;
  /** Where clients reach the server, if not at the Service that our controller and LLMKube's make. */
  readonly host?: pulumi.Input<string> | undefined;
  readonly port?: pulumi.Input<number> | undefined;
  readonly replicas?: pulumi.Input<number> | undefined;
}

/**
 * Base URL of the API of a served model. `refuse` is told where another component of the same provider has the same host and port; a
 * Service is nobody else's, and no replica listens nowhere.
 */
export function endpointOf(
  component: pulumi.ComponentResource,
  { name, namespace, host, port, replicas }: Served,
  refuse: Refuse,
): pulumi.Output<string> {
  const claims = pulumi
    .all([host, port, replicas])
    .apply(([given, number = DEFAULT_PORT, count]) =>
      given === undefined || count === 0 ? [] : [endpointClaim(given, number)],
    );
  return pulumi
    .all([name, namespace, host, port, claimed(component, claims, refuse)])
    .apply(([service, within, given, number = DEFAULT_PORT]) => {
      const known = given ?? `${childName(service)}.${within}.svc.cluster.local`;
      return `http://${urlHost(known)}:${number}/v1`;
    });
}
