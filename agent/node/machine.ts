import { readFile } from "node:fs/promises";
import { arch, availableParallelism, release, type } from "node:os";
import { outputOf } from "../host/command.ts";
import { MAC, type MacPaths } from "../host/darwin/mac-paths.ts";
import { openSysctl, type Sysctl } from "../host/darwin/sysctl.ts";
import type { Platform } from "../host/platform.ts";
import type { MachineFacts } from "./node-object.ts";

/** What a Node says of the machine itself. What cannot be read is left empty, as the API has it. */
export async function machineFacts({ backend, bootId }: Pick<Platform, "backend" | "bootId">): Promise<MachineFacts> {
  const own = backend === "metal" ? await factsOfMac(MAC, openSysctl(MAC)) : await factsOfLinux();
  return {
    ...own,
    bootId,
    kernelVersion: release(),
    architecture: goArchitecture(arch()),
    cpus: availableParallelism(),
  };
}

type OwnFacts = Pick<MachineFacts, "machineId" | "systemUuid" | "osImage" | "chip">;

export async function factsOfMac({ ioreg }: Pick<MacPaths, "ioreg">, sysctl: Pick<Sysctl, "text">): Promise<OwnFacts> {
  const printed = await outputOf(ioreg, ["-rd1", "-c", "IOPlatformExpertDevice"]);
  const uuid = printed.ok ? parsePlatformUuid(printed.value) : "";
  const version = await sysctl.text("kern.osproductversion");
  const brand = await sysctl.text("machdep.cpu.brand_string");
  return {
    machineId: uuid,
    systemUuid: uuid,
    osImage: version === null || version === "" ? "macOS" : `macOS ${version}`,
    chip: brand === null ? undefined : labelValue(brand),
  };
}

/** `"IOPlatformUUID" = "564D1B3C-..."` in the output of `ioreg -rd1 -c IOPlatformExpertDevice`; empty where it is not there. */
export function parsePlatformUuid(printed: string): string {
  return /"IOPlatformUUID"\s*=\s*"([0-9A-Fa-f-]{36})"/.exec(printed)?.[1]?.toUpperCase() ?? "";
}

async function factsOfLinux(): Promise<OwnFacts> {
  const [id, system] = await Promise.all([
    readFile("/etc/machine-id", "utf8").catch(() => ""),
    readFile("/etc/os-release", "utf8").catch(() => ""),
  ]);
  const name = /^PRETTY_NAME="?(.*?)"?$/m.exec(system)?.[1] ?? type();
  return { machineId: id.trim(), systemUuid: id.trim(), osImage: `${name} (stands in for macOS)`, chip: undefined };
}

/** `apple-m4-max` of `Apple M4 Max`; undefined where nothing is left that a label can hold. */
export function labelValue(text: string): string | undefined {
  const value = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, "");
  return value === "" ? undefined : value;
}

function goArchitecture(architecture: string): string {
  return architecture === "x64" ? "amd64" : architecture;
}
