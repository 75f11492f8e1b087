/** What a Mac is, as its own programs say it. */
export interface Chip {
  /** `machdep.cpu.brand_string`, and the name of Metal's device. */
  readonly name: string;
  /** `hw.model`. */
  readonly model: string;
  readonly memoryGib: number;
  /** What llama-server prints for Metal's recommended working set. */
  readonly workingSetMib: number;
  readonly cores: number;
}

const chip = (name: string, model: string, memoryGib: number, workingSetMib: number, cores: number): Chip => ({
  ...{ name, model, memoryGib, workingSetMib, cores },
});

/** Working sets are recorded ones where there are any (docs/background/apple-memory.md, "Working set"), else the recorded share. */
export const M1 = chip("Apple M1", "MacBookAir10,1", 8, 5461, 8);
export const M4 = chip("Apple M4", "Mac16,10", 16, 12124, 10);
export const M4_PRO = chip("Apple M4 Pro", "Mac16,8", 24, 18186, 12);
export const M4_MAX_64 = chip("Apple M4 Max", "Mac16,5", 64, 49152, 16);
export const M4_MAX_128 = chip("Apple M4 Max", "Mac16,5", 128, 110_100, 16);
export const M3_ULTRA = chip("Apple M3 Ultra", "Mac15,14", 512, 475_136, 32);
/** The Mac that hosted runners are. */
export const VIRTUAL = chip("Apple Paravirtual device", "VirtualMac2,1", 7, 4778, 3);
/** No chip is named so; a name may be. */
export const ODD_NAME = chip("Apple M9 (Pro): [x] | 7 = 3", "Mac99,1", 16, 12124, 10);
