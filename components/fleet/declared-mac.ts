import { formatBytes, parseQuantity } from "../../api/quantity.ts";
import { MACOS_RESERVE_BYTES, resolveDeclaredMac, workingSetProblem } from "../../memory/allocatable.ts";

/** What a program says of the memory of a Mac: arguments of `LlmNode` that were checked. */
export interface DeclaredMemory {
  readonly memory?: string | undefined;
  readonly memoryFraction?: number | undefined;
  readonly reserve?: string | undefined;
  readonly workingSet?: string | undefined;
}

/** What all models of the Mac together may use, as a quantity in bytes; undefined where its memory is not known. */
export function allocatableOf(mac: DeclaredMemory): string | undefined {
  const allocatable = resolved(mac);
  return allocatable?.ok ? `${allocatable.value.bytes}` : undefined;
}

/** What is wrong with the amounts together, as one clause. One that is not known yet counts as absent. */
export function memoryProblem(mac: DeclaredMemory): string | undefined {
  const memory = bytesOf(mac.memory);
  if (memory === undefined) return undefined;
  const problem = workingSetProblem(bytesOf(mac.workingSet), memory);
  if (problem !== undefined) return problem;
  if (resolved(mac)?.ok !== false) return undefined;
  const reserve = formatBytes(bytesOf(mac.reserve) ?? MACOS_RESERVE_BYTES);
  return `memory is ${mac.memory}, and the reserve of ${reserve} leaves nothing for models: give the memory of the whole Mac, or a smaller reserve`;
}

function resolved(mac: DeclaredMemory) {
  const physicalMemoryBytes = bytesOf(mac.memory);
  if (physicalMemoryBytes === undefined) return undefined;
  return resolveDeclaredMac({
    physicalMemoryBytes,
    agentFraction: mac.memoryFraction,
    reserveBytes: bytesOf(mac.reserve),
    workingSetBytes: bytesOf(mac.workingSet),
  });
}

function bytesOf(quantity: string | undefined): number | undefined {
  const bytes = quantity === undefined ? undefined : parseQuantity(quantity);
  return bytes?.ok ? Number(bytes.value) : undefined;
}
