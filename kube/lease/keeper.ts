import type { KubeClient, KubeObject, KubeResult, RequestOptions } from "../client.ts";
import type { Clock } from "../clock.ts";
import { failed } from "../failure.ts";
import { KINDS } from "../kinds.ts";
import { mayTake, type Observed, observe } from "./observed.ts";
import { heldLease, leaseSpecOf, releasedLease } from "./record.ts";

export interface KeeperOptions {
  readonly client: KubeClient;
  readonly lease: { readonly namespace: string; readonly name: string };
  readonly identity: string;
  readonly durationMs: number;
  readonly clock: Clock;
}

/** One who wants a Lease. */
export interface LeaseKeeper {
  /** Takes the Lease where it is free, and renews it where it is held. A failure says why not. */
  hold(options: RequestOptions): Promise<KubeResult<KubeObject>>;
  /** Whether the Lease was held when it was seen last. */
  isHeld(): boolean;
  /** Gives it back, where it is held. */
  release(options: RequestOptions): Promise<KubeResult<unknown>>;
}

export function leaseKeeper({ client, lease: ref, identity, durationMs, clock }: KeeperOptions): LeaseKeeper {
  let observed: Observed | undefined;

  const isHeld = () => observed !== undefined && leaseSpecOf(observed.lease).holderIdentity === identity;
  const held = (lease: KubeObject) => heldLease(lease, identity, durationMs, clock.now());

  async function written(send: Promise<KubeResult<KubeObject>>): Promise<KubeResult<KubeObject>> {
    const answer = await send;
    if (answer.ok) observed = { lease: answer.value, since: clock.monotonic() };
    return answer;
  }

  return {
    isHeld,
    hold: async (options) => {
      if (observed !== undefined && isHeld()) {
        const renewed = await written(client.replace(KINDS.lease, held(observed.lease), options));
        if (renewed.ok || (renewed.kind !== "conflict" && renewed.kind !== "not-found")) return renewed;
      }
      const found = await client.get(KINDS.lease, ref, options);
      if (!found.ok && found.kind !== "not-found") return found;
      if (!found.ok) return await written(client.create(KINDS.lease, held({ metadata: { ...ref } }), options));
      observed = observe(observed, found.value, clock.monotonic());
      if (mayTake(observed, identity, durationMs, clock.monotonic())) {
        return await written(client.replace(KINDS.lease, held(found.value), options));
      }
      return failed(
        "conflict",
        `"${leaseSpecOf(found.value).holderIdentity}" holds the Lease ${ref.namespace}/${ref.name}`,
      );
    },
    release: async (options) => {
      if (observed === undefined || !isHeld()) return { ok: true, value: undefined };
      return await written(client.replace(KINDS.lease, releasedLease(observed.lease, clock.now()), options));
    },
  };
}
