/** Memory of a Mac, as arguments of `LlmNode`. */
export interface WellKnownMac {
  /** Physical memory, a Kubernetes quantity. */
  readonly memory: string;
  /** The least working set that Metal was recorded to recommend with that much memory, a Kubernetes quantity. */
  readonly workingSet: string;
}

/**
 * The least `recommendedMaxWorkingSetSize` that was recorded, in MB of 1e6 bytes, by GB of RAM (docs/background/apple-memory.md,
 * "Working set"). It depends on the RAM and on macOS, not on the model: with 18, 48, 128 and 512 GB only macOS 26 was recorded, which
 * recommends more than earlier versions. Sizes that are not recorded are not here.
 */
const LEAST_WORKING_SET_MB = {
  8: 5726.63,
  16: 11453.25,
  18: 14302.25,
  32: 22906.5,
  36: 28991.03,
  48: 40200.9,
  64: 51539.61,
  128: 115448.73,
  512: 498216.21,
} as const;

function mac(gigabytes: keyof typeof LEAST_WORKING_SET_MB): WellKnownMac {
  return { memory: `${gigabytes}Gi`, workingSet: `${LEAST_WORKING_SET_MB[gigabytes]}M` };
}

/**
 * Macs by model, chip and GB of memory, after an underscore where the chip ends in a digit: `new LlmNode("studio-1",
 * { ...hosts.macStudioM4Max128 })`. A Mac whose memory is not here is described by its `memory` alone.
 */
export const hosts = {
  macMiniM1_8: mac(8),
  macMiniM1_16: mac(16),
  macMiniM2_8: mac(8),
  macMiniM2_16: mac(16),
  macMiniM2Pro16: mac(16),
  macMiniM2Pro32: mac(32),
  macMiniM4_16: mac(16),
  macMiniM4_32: mac(32),
  macMiniM4Pro48: mac(48),
  macMiniM4Pro64: mac(64),
  macBookProM3Pro18: mac(18),
  macBookProM3Pro36: mac(36),
  macBookProM3Max36: mac(36),
  macBookProM3Max48: mac(48),
  macBookProM3Max64: mac(64),
  macBookProM3Max128: mac(128),
  macBookProM4Pro48: mac(48),
  macBookProM4Max36: mac(36),
  macBookProM4Max48: mac(48),
  macBookProM4Max64: mac(64),
  macBookProM4Max128: mac(128),
  macStudioM1Max32: mac(32),
  macStudioM1Max64: mac(64),
  macStudioM1Ultra64: mac(64),
  macStudioM1Ultra128: mac(128),
  macStudioM2Max32: mac(32),
  macStudioM2Max64: mac(64),
  macStudioM2Ultra64: mac(64),
  macStudioM2Ultra128: mac(128),
  macStudioM4Max36: mac(36),
  macStudioM4Max48: mac(48),
  macStudioM4Max64: mac(64),
  macStudioM4Max128: mac(128),
  macStudioM3Ultra512: mac(512),
} as const;
