const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** The footprint now, not its peak, in `vmmap --summary`, in bytes: `Physical footprint: 431.4M`. Null if it is not there. */
export function parseVmmap(printed: string): number | null {
  const [, figure, unit = ""] = /^Physical footprint:\s+([\d.]+)([KMG])$/m.exec(printed) ?? [];
  const factor = UNITS[unit];
  return figure === undefined || factor === undefined ? null : Math.round(Number(figure) * factor);
}
