import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_PORT } from "../../api/constants.ts";
import { childName } from "../../api/fleet.ts";
import { type Claim, endpointClaim } from "../../serving/claims.ts";
import { urlHost } from "../../serving/endpoint-host.ts";
import { type GatewayAddress, parseGateway } from "../../serving/gateway-address.ts";
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
  /** Where clients reach the gateway of its Mac, which has passed the schema; undefined: they ask the server itself. */
  readonly gateway?: pulumi.Input<string> | undefined;
}

/**
 * Base URL of the API of a served model. `refuse` is told where another component of the same provider has the same host and port; a
 * Service is nobody else's, no replica listens nowhere, and behind a gateway a server that names no port has one that is free.
 */
export function endpointOf(
  component: pulumi.ComponentResource,
  { name, namespace, host, port, replicas, gateway }: Served,
  refuse: Refuse,
): pulumi.Output<string> {
  const claims = pulumi
    .all([host, port, replicas, gateway])
    .apply(([given, number, count, door]) => (count === 0 ? [] : claimsOf(given, number, door)));
  return pulumi
    .all([name, namespace, host, port, gateway, claimed(component, claims, refuse)])
    .apply(([service, within, given, number = DEFAULT_PORT, door]) => {
      const known = given ?? `${childName(service)}.${within}.svc.cluster.local`;
      return `${addressOf(door)?.origin ?? `http://${urlHost(known)}:${number}`}/v1`;
    });
}

function claimsOf(host: string | undefined, port: number | undefined, gateway: string | undefined): readonly Claim[] {
  if (gateway !== undefined && port === undefined) return [];
  const machine = host ?? addressOf(gateway)?.host;
  return machine === undefined ? [] : [endpointClaim(machine, port ?? DEFAULT_PORT)];
}

function addressOf(gateway: string | undefined): GatewayAddress | undefined {
  const address = gateway === undefined ? undefined : parseGateway(gateway);
  return address?.ok ? address.value : undefined;
}
