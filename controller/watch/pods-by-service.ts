import type { PodView } from "./pod-view.ts";

/** Pods by the service that they belong to. */
export interface PodsByService {
  of(service: string): readonly PodView[];
  /** Notes a pod as it is now, or that it is gone. Returns the services whose pods changed. */
  note(key: string, pod: PodView | undefined): ReadonlySet<string>;
}

export function podsByService(): PodsByService {
  const pods = new Map<string, Map<string, PodView>>();
  const services = new Map<string, string>();

  function forget(service: string, key: string): void {
    services.delete(key);
    const left = pods.get(service);
    left?.delete(key);
    if (left?.size === 0) pods.delete(service);
  }

  return {
    of: (service) => [...(pods.get(service)?.values() ?? [])],
    note: (key, pod) => {
      const before = services.get(key);
      if (before !== undefined && before !== pod?.service) forget(before, key);
      if (pod !== undefined) {
        services.set(key, pod.service);
        pods.set(pod.service, (pods.get(pod.service) ?? new Map<string, PodView>()).set(key, pod));
      }
      return new Set([before, pod?.service].filter((service) => service !== undefined));
    },
  };
}
