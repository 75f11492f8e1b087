import { type Fields, isFields } from "../../api/document.ts";
import { PORT_NAME } from "../../api/fleet.ts";
import type { Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import { allocatePort, type PortRange } from "../../serving/ports.ts";

/** Which service has which port. One that was given stays with its service for as long as that exists. */
export interface PortBook {
  /** Notes the port that a service's Deployment has. */
  found(service: string, port: number): void;
  /** The port of a service; a free one where it has none. Fails where there is none. */
  portFor(service: string, kept: number | undefined): Result<number>;
  release(service: string): void;
}

export function portBook(range: PortRange): PortBook {
  const held = new Map<number, string>();
  const given = new Map<string, number>();

  function give(service: string, port: number): void {
    release(service);
    held.set(port, service);
    given.set(service, port);
  }

  function release(service: string): void {
    const port = given.get(service);
    if (port !== undefined && held.get(port) === service) held.delete(port);
    given.delete(service);
  }

  return {
    release,
    found: (service, port) => {
      // Of two that have one port, the first by name keeps it, whatever came first.
      const other = held.get(port);
      if (other !== undefined && other < service) return;
      if (other !== undefined && other !== service) given.delete(other);
      give(service, port);
    },
    portFor: (service, kept) => {
      const port = allocatePort(held, service, range, kept ?? given.get(service));
      if (port.ok) give(service, port.value);
      return port;
    },
  };
}

/** The port on Macs of a Deployment of ours; undefined where it has none. */
export function portOfDeployment(deployment: KubeObject): number | undefined {
  const template = at(at(deployment["spec"], "template"), "spec");
  const containers = at(template, "containers");
  const [container] = Array.isArray(containers) ? containers : [];
  const ports = at(container, "ports");
  const named = Array.isArray(ports) ? ports.find((port) => at(port, "name") === PORT_NAME) : undefined;
  const port = at(named, "hostPort");
  return typeof port === "number" ? port : undefined;
}

function at(value: unknown, field: string): unknown {
  return isFields(value) ? (value satisfies Fields)[field] : undefined;
}
