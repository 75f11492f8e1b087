import assert from "node:assert/strict";
import type { Demand } from "../../../agent/decisions/demand.ts";
import { planRest, type Rest, type Rester, type Room } from "../../../agent/decisions/resting.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";

export const GIB = 2 ** 30;
const NOW = 100_000_000;
export const MINUTE = 60_000;

type Part = Partial<Omit<Rester, "demand" | "server">> & {
  readonly demand?: Partial<Demand>;
  readonly phase?: "starting" | "ready" | "stopping";
  /** How long its server has been in that phase, in milliseconds; default: 2 hours. */
  readonly for?: number;
};

/** A model of 6 GiB of the middle priority that nobody asks for, and that has no process. */
export function model(name: string, { demand = {}, phase, for: ms = 120 * MINUTE, ...part }: Part = {}): Rester {
  return {
    ...{ id: workloadId(name), name, priority: 2, pinned: false, idleUnloadMs: undefined, chargeBytes: 6 * GIB },
    demand: { waiting: 0, waitingSince: undefined, inFlight: 0, lastUsedAt: undefined, ...demand },
    server: phase === undefined ? undefined : { phase, since: NOW - ms },
    obstructed: false,
    ...part,
  };
}

export const asked = (ago = 1000): Partial<Demand> => ({ waiting: 1, waitingSince: NOW - ago, lastUsedAt: NOW - ago });
export const usedAgo = (ms: number): Partial<Demand> => ({ lastUsedAt: NOW - ms });
export const busy: Partial<Demand> = { inFlight: 1, lastUsedAt: NOW };

/** The kinds of a plan, and a part of the message where the case names one: `waits: /turn/`. */
type Expected = Readonly<Record<string, Rest["kind"] | readonly [kind: Rest["kind"], message: RegExp]>>;

/** In a room of 10 GiB where it says nothing else: one model of 6 GiB fits, two do not. */
export interface Case {
  readonly what: string;
  readonly models: readonly Rester[];
  readonly room?: Partial<Room>;
  readonly plan: Expected;
}

export function planned(models: readonly Rester[], room: Partial<Room> = {}): ReadonlyMap<WorkloadId, Rest> {
  return planRest(models, { allocatableBytes: 10 * GIB, heldBytes: 0, leavingBytes: 0, blocked: false, ...room }, NOW);
}

function kinds(plan: ReadonlyMap<WorkloadId, Rest>): Readonly<Record<string, Rest["kind"]>> {
  return Object.fromEntries([...plan].map(([id, { kind }]) => [id, kind]));
}

/** Tests for all cases of a table. */
export function plans(cases: readonly Case[]): void {
  for (const { what, models, room, plan } of cases) {
    it(what, () => {
      const rests = planned(models, room);
      for (const [name, expected] of Object.entries(plan)) {
        const [kind, message] = typeof expected === "string" ? [expected, /(?:)/] : expected;
        const rest = rests.get(workloadId(name));
        assert.equal(rest?.kind, kind, `${name}: ${JSON.stringify(rest)}`);
        assert.match(rest !== undefined && "message" in rest ? rest.message : "", message);
      }
      assert.equal(rests.size, models.length);
    });
  }

  it("does not depend on the order in which they are named", () => {
    for (const { what, models, room } of cases) {
      assert.deepEqual(kinds(planned(models.toReversed(), room)), kinds(planned(models, room)), what);
    }
  });
}
