import { totalmem } from "node:os";
import { parseQuantity } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { SERVER_DEFAULTS } from "../api/server-defaults.ts";
import { type Allocatable, resolveAllocatable } from "../memory/allocatable.ts";
import { type Budget, resolveBudget } from "../memory/budget.ts";
import type { EstimateSettings } from "../memory/estimate/types.ts";
import { parseReserve } from "../memory/reserve.ts";
import type { EstimateFlags } from "./estimate-flags.ts";

export function settingsOf(flags: EstimateFlags): EstimateSettings {
  const { contextSize, parallel, cacheTypeK, cacheTypeV, backend, loadMode, mode, pooling } = flags;
  const { batchSize = "auto", ubatchSize = "auto" } = flags;
  const { cacheRam, ctxCheckpoints, swaFull, moeCpu, moeCpuLayers, ropeScaling } = flags;
  const draftTokens = flags.draftTokens ?? (flags.draft === undefined ? undefined : SERVER_DEFAULTS.draftTokens);
  return {
    ...{ contextSize, parallel, cacheTypeK, cacheTypeV, batchSize, ubatchSize, backend, loadMode },
    ...(mode !== "chat" && { mode }),
    ...(pooling !== undefined && { pooling }),
    flashAttention: flags.flashAttention === "on",
    ...(cacheRam !== undefined && { cacheRamMiB: cacheRam }),
    ...(ctxCheckpoints !== undefined && { ctxCheckpoints }),
    ...(swaFull !== undefined && { swaFull }),
    ...(moeCpu !== undefined && { moeCpu }),
    ...(moeCpuLayers !== undefined && { moeCpuLayers }),
    ...(ropeScaling !== undefined && { ropeScaling }),
    ...(draftTokens !== undefined && { draftTokens }),
  };
}

/** The budget to compare the need with; undefined if no option asks for one. */
export function askedBudget(flags: EstimateFlags): Result<Budget | undefined> {
  const { memoryBudget, memoryFraction, hostMemory } = flags;
  if (memoryBudget === undefined && memoryFraction === undefined && hostMemory === undefined) return ok(undefined);
  const host = hostMemory === undefined ? ok(BigInt(totalmem())) : parseQuantity(hostMemory);
  if (!host.ok) return fail(`--host-memory ${host.error}`);
  if (host.value <= 0n) return fail(`--host-memory ${JSON.stringify(hostMemory)} must be above 0, for example 16Gi`);
  // An absolute budget is capped only by a host that was named, not by this machine.
  const hostMemoryBytes = memoryBudget !== undefined && hostMemory === undefined ? undefined : Number(host.value);
  return resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes });
}

/**
 * What all models of the host together may use, whatever the budget of one: its memory without the reserve of its agent. Undefined if no
 * option names the host.
 */
export function askedAllocatable(flags: EstimateFlags): Result<Allocatable | undefined> {
  if (flags.hostMemory === undefined && flags.reserve === undefined) return ok(undefined);
  const host = flags.hostMemory === undefined ? ok(BigInt(totalmem())) : parseQuantity(flags.hostMemory);
  const reserve = flags.reserve === undefined ? ok(undefined) : parseReserve(flags.reserve);
  if (!host.ok) return fail(`--host-memory ${host.error}`);
  if (!reserve.ok) return fail(`--reserve ${reserve.error}`);
  // The agent's own fraction is not known here; the budget is checked by itself.
  const known = { backend: flags.backend, physicalMemoryBytes: Number(host.value), agentFraction: 1 };
  return resolveAllocatable({ ...known, reserveBytes: reserve.value });
}
