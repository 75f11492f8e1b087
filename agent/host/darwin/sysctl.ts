import { outputOf } from "../command.ts";
import { type Libproc, openLibproc } from "./libproc.ts";
import { MAC, type MacPaths } from "./mac-paths.ts";

/** Reads what the kernel of macOS says under a name. */
export interface Sysctl {
  /** Null where the kernel has no such name, or where it cannot be read: a virtual machine lacks `iogpu.wired_limit_mb`. */
  number(name: string): Promise<number | null>;
  text(name: string): Promise<string | null>;
}

/** By system call where that is available, else by the command. */
export function openSysctl(mac: MacPaths = MAC, libproc: Libproc | undefined = openLibproc(mac.libSystem)): Sysctl {
  if (libproc !== undefined) {
    return {
      number: async (name) => wholeNumber(libproc.sysctl(name)),
      text: async (name) => libproc.sysctl(name)?.toString("utf8").replace(/\0.*$/s, "") ?? null,
    };
  }
  const text = async (name: string) => {
    const printed = await outputOf(mac.sysctl, ["-n", name]);
    return printed.ok ? printed.value.trim() : null;
  };
  return {
    number: async (name) => {
      const printed = await text(name);
      return printed !== null && /^-?\d+$/.test(printed) ? Number(printed) : null;
    },
    text,
  };
}

/** The kernel has numbers of 4 and of 8 bytes. */
function wholeNumber(value: Buffer | undefined): number | null {
  if (value?.length === 4) return value.readInt32LE(0);
  return value?.length === 8 ? Number(value.readBigInt64LE(0)) : null;
}
