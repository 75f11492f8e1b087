/** Where the page counts are (mach/vm_statistics.h of xnu, struct vm_statistics64). */
const OFFSETS = { free: 0, inactive: 8, purgeable: 88, speculative: 92 } as const;
const HOST_VM_INFO64 = 4;
/** The most that the call writes, in units of 4 bytes. The kernel writes what it knows of that, and says how much. */
const MOST_COUNT = 256;
/** Up to the speculative pages: less is an answer of something else. */
const LEAST_COUNT = 24;

/**
 * Free, inactive and purgeable pages by `host_statistics64`, in bytes; undefined if that fails. Free is meant as `vm_stat` prints it:
 * without the speculative pages, which the kernel counts in. Purgeable pages may be counted as inactive too, so this is an upper bound.
 *
 * @param pageSize the answer to `vm.pagesize`, the kernel's own page size; that of a process under Rosetta is another one
 */
export function readAvailableBytes(
  statistics: (flavor: number, buffer: Buffer, count: [number]) => number,
  pageSize: Buffer | undefined,
): number | undefined {
  const buffer = Buffer.alloc(MOST_COUNT * 4);
  const count: [number] = [MOST_COUNT];
  if (pageSize?.length !== 4 || statistics(HOST_VM_INFO64, buffer, count) !== 0 || count[0] < LEAST_COUNT)
    return undefined;
  const pages = (offset: number) => buffer.readUInt32LE(offset);
  const free = Math.max(0, pages(OFFSETS.free) - pages(OFFSETS.speculative));
  return (free + pages(OFFSETS.inactive) + pages(OFFSETS.purgeable)) * pageSize.readInt32LE(0);
}
